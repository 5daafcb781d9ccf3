use std::collections::BTreeMap;

use super::arguments::{Common, Render};
use super::exit::{Exit, Failure};
use super::print;
use super::session::{host_named, load};
use crate::inventory::{BalancerAt, Desired, Host, Loaded, SecretPolicy};
use crate::model::Role;
use crate::plan::render;
use crate::platform::platforms;
use crate::template::{TemplateError, TemplateName, Templates};

/// `rabbitup render`: secrets are shown as dots.
pub fn run(common: &Common, arguments: &Render) -> Result<Exit, Failure> {
    let Some(name) = TemplateName::parse(&arguments.template) else {
        let names: Vec<&str> = TemplateName::all().map(TemplateName::as_str).collect();
        return Err(Failure::new(Exit::Usage, format!("there is no template {}", arguments.template))
            .next(format!("the templates are {}", names.join(", "))));
    };
    let (Loaded { desired, .. }, templates) = load(common, SecretPolicy::Tolerate)?;
    let host = arguments.host.as_deref().map(|name| host_named(&desired, name)).transpose()?;
    let host = host.as_ref().and_then(|name| desired.host(name));
    let text = rendered(name, &templates, &desired, host).map_err(|error| {
        Failure::new(Exit::Usage, "the template cannot be rendered").why(error.to_string())
    })?;
    match text {
        Some(text) => {
            print::stdout(&text);
            Ok(Exit::Done)
        }
        None => Err(Failure::new(
            Exit::Usage,
            format!("this inventory does not use the template {}", name.as_str()),
        )),
    }
}

fn rendered(
    name: TemplateName,
    templates: &Templates,
    desired: &Desired,
    host: Option<&Host>,
) -> Result<Option<String>, TemplateError> {
    let shown = |rendered: crate::template::Rendered| rendered.display_text();
    let broker = host.or_else(|| desired.brokers().next());
    match name {
        TemplateName::Hosts => render::hosts_block(templates, desired, &BTreeMap::new()).map(Some),
        TemplateName::Rabbitmq => {
            let Some((host, seed)) = broker.zip(desired.brokers().next().map(Host::node)) else {
                return Ok(None);
            };
            render::rabbitmq_conf(templates, desired, host, &seed).map(|file| Some(shown(file)))
        }
        TemplateName::Balancer(software) => {
            let wanted = desired.load_balancer.as_ref();
            let Some(balancer) = wanted.filter(|balancer| balancer.software == software) else {
                return Ok(None);
            };
            // No host is asked which family it is of.
            let Some(platform) = platforms().next() else { return Ok(None) };
            let backends = desired.backends();
            let at = BalancerAt::new_host(platform, &backends);
            let file = render::load_balancer(templates, desired, balancer, &at);
            file.map(|file| Some(shown(file)))
        }
        TemplateName::Keepalived => {
            let vip = desired.load_balancer.as_ref().and_then(|balancer| balancer.vip.as_ref());
            let balancer = host.filter(|host| host.has(Role::LoadBalancer));
            let balancer = balancer.or_else(|| desired.with_role(Role::LoadBalancer).next());
            let Some((vip, host)) = vip.zip(balancer) else { return Ok(None) };
            // Which one it is, only the host knows.
            let interface = vip.interface.as_deref().unwrap_or("INTERFACE");
            render::keepalived_conf(templates, desired, host, vip, interface).map(|file| Some(shown(file)))
        }
        TemplateName::Chrony => {
            let Some(host) = host.or_else(|| desired.with_role(Role::TimeSource).next()).or(broker) else {
                return Ok(None);
            };
            let Some(platform) = platforms().next() else { return Ok(None) };
            render::chrony_conf(templates, desired, host, &platform.time).map(|file| file.map(shown))
        }
        TemplateName::Limits => render::limits(templates, desired).map(|file| file.map(shown)),
    }
}
