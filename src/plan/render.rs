//! The rendered files, from the desired state. `rabbitup render` prints exactly what a plan would write.

use std::collections::BTreeMap;

use crate::inventory::{BalancerAt, Desired, Host, LoadBalancer, Vip};
use crate::model::{HostName, NodeName, Role};
use crate::platform::TimeService;
use crate::template::{Rendered, TemplateError, TemplateName, Templates};

/// The block of /etc/hosts: every host of the inventory, with the full names that hosts have besides.
///
/// # Errors
/// As [`Templates::render`], here and below.
pub fn hosts_block(
    templates: &Templates,
    desired: &Desired,
    full_names: &BTreeMap<HostName, String>,
) -> Result<String, TemplateError> {
    templates.render(TemplateName::Hosts, &desired.hosts_context(full_names))
}

/// rabbitmq.conf of one broker. It names `seed` only for a node that enters the cluster at its first start.
pub fn rabbitmq_conf(
    templates: &Templates,
    desired: &Desired,
    host: &Host,
    seed: &NodeName,
) -> Result<Rendered, TemplateError> {
    templates.render_file(TemplateName::Rabbitmq, &desired.rabbitmq_context(host, seed))
}

/// The load balancer's configuration, in the syntax of its software.
pub fn load_balancer(
    templates: &Templates,
    desired: &Desired,
    balancer: &LoadBalancer,
    at: &BalancerAt<'_>,
) -> Result<Rendered, TemplateError> {
    let context = desired.balancer_context(balancer, at);
    templates.render_file(TemplateName::Balancer(balancer.software), &context)
}

/// keepalived.conf of one load balancer.
pub fn keepalived_conf(
    templates: &Templates,
    desired: &Desired,
    host: &Host,
    vip: &Vip,
    interface: &str,
) -> Result<Rendered, TemplateError> {
    templates.render_file(TemplateName::Keepalived, &desired.keepalived_context(host, vip, interface))
}

/// chrony.conf of one host; None if the inventory names neither a server nor a source, so that the package's
/// configuration stays.
pub fn chrony_conf(
    templates: &Templates,
    desired: &Desired,
    host: &Host,
    time: &TimeService,
) -> Result<Option<Rendered>, TemplateError> {
    if desired.time.servers.is_empty() && !host.has(Role::TimeSource) {
        return Ok(None);
    }
    templates.render_file(TemplateName::Chrony, &desired.chrony_context(host, time)).map(Some)
}

/// The systemd drop-in with the broker's limits, if the inventory sets one.
pub fn limits(templates: &Templates, desired: &Desired) -> Result<Option<Rendered>, TemplateError> {
    desired.limits_context().map(|context| templates.render_file(TemplateName::Limits, &context)).transpose()
}
