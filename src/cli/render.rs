use std::collections::BTreeMap;

use super::arguments::{Called, Common, Data, Render};
use super::exit::{Exit, Failure};
use super::named_hosts::host_named;
use super::print;
use super::session::{Session, load, refusal};
use crate::facts::Facts;
use crate::inventory::{BalancerAt, Desired, Host, Loaded, SecretPolicy};
use crate::model::{HostName, Role};
use crate::plan::{self, Difference, LiveFile, render};
use crate::platform::platforms;
use crate::report::{FailureCode, LiveDocument, live_text, refusals_text};
use crate::template::{TemplateError, TemplateName, Templates};

/// `rabbitup render`: secrets are shown as dots.
pub async fn run(common: &Common, arguments: &Render) -> Result<Exit, Failure> {
    let Some(name) = TemplateName::parse(&arguments.template) else {
        let names: Vec<&str> = TemplateName::all().map(TemplateName::as_str).collect();
        return Err(Failure::new(
            FailureCode::Template,
            format!("there is no template {}", arguments.template),
        )
        .next(format!("the templates are {}", names.join(", "))));
    };
    if arguments.diff {
        return compare(common, arguments, name).await;
    }
    let (Loaded { desired, .. }, templates) = load(common, SecretPolicy::Tolerate)?;
    let host = arguments.host.as_deref().map(|name| host_named(&desired, name)).transpose()?;
    let host = host.as_ref().and_then(|name| desired.host(name));
    let text = rendered(name, &templates, &desired, host).map_err(|error| {
        Failure::new(FailureCode::Template, "the template cannot be rendered").why(error.to_string())
    })?;
    match text {
        Some(text) => {
            print::stdout(&text);
            Ok(Exit::Done)
        }
        None => Err(unused(name)),
    }
}

fn unused(name: TemplateName) -> Failure {
    Failure::new(FailureCode::Template, format!("this inventory does not use the template {}", name.as_str()))
}

/// `--diff`: what the hosts have, against what would be written there.
async fn compare(common: &Common, arguments: &Render, name: TemplateName) -> Result<Exit, Failure> {
    let session = Session::open(common, &Called::default(), &Data::default())?;
    let host = arguments.host.as_deref().map(|name| host_named(&session.desired, name)).transpose()?;
    let facts = session.gather().await;
    session.close(common).await;
    let files = live(&session, common, &facts, name, host.as_ref())?;
    if files.is_empty() {
        return Err(match host {
            Some(host) => {
                Failure::new(FailureCode::Template, format!("{host} has no file of {}", name.as_str()))
            }
            None => unused(name),
        });
    }
    if common.json {
        print::json(&LiveDocument::from(files.as_slice()));
    } else {
        print::stdout(&live_text(&files, common.style()));
    }
    let differs = files.iter().any(|file| match file.difference {
        Difference::Lines(_) | Difference::Secret | Difference::Unknown => true,
        Difference::Same | Difference::Form(_) => false,
    });
    Ok(if arguments.detailed_exitcode && differs { Exit::Pending } else { Exit::Done })
}

/// The hosts' files from one template, against what would be written there.
fn live(
    session: &Session,
    common: &Common,
    facts: &Facts,
    name: TemplateName,
    host: Option<&HostName>,
) -> Result<Vec<LiveFile>, Failure> {
    session.require_reached(common, &session.playbook, facts)?;
    let ask =
        |desired: &Desired| plan::live(desired, &session.templates, facts, &session.options, (name, host));
    let desired = session.knowing(|desired| {
        let missed = ask(desired).map(|(_, missed)| missed).unwrap_or_default();
        missed.into_iter().filter(|name| desired.commands.contains_key(name)).collect()
    })?;
    ask(&desired)
        .map(|(files, _)| files)
        .map_err(|refused| refusal(&refused, refusals_text(&refused, common.style_of_stderr())))
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
