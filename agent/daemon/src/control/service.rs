//! `org.varlink.service`: what every Varlink service says about itself.

use serde_json::{Value as Json, json};

use super::wire::{Call, DESCRIPTION, Error, INTERFACE};

const SERVICE: &str = "org.varlink.service";

/// The interface every service has (varlink.org, "Service").
const SERVICE_DESCRIPTION: &str = "\
# The Varlink Service Interface is provided by every varlink service. It
# describes the service and the interfaces it implements.
interface org.varlink.service

method GetInfo() -> (
  vendor: string,
  product: string,
  version: string,
  url: string,
  interfaces: []string
)

method GetInterfaceDescription(interface: string) -> (description: string)

error InterfaceNotFound (interface: string)
error MethodNotFound (method: string)
error MethodNotImplemented (method: string)
error InvalidParameter (parameter: string)
";

/// What a service says about itself: its program, and the one interface it has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Described {
    /// The program.
    pub(crate) product: &'static str,
    /// The qualified name of the interface.
    pub(crate) interface: &'static str,
    /// Its text.
    pub(crate) description: &'static str,
}

impl Described {
    /// The daemon.
    pub(super) const AGENT: Self = Self {
        product: "omadmd",
        interface: INTERFACE,
        description: DESCRIPTION,
    };
}

/// An error of `org.varlink.service`.
pub(crate) fn error(name: &str, key: &str, value: &str) -> Error {
    Error::Varlink {
        name: format!("{SERVICE}.{name}"),
        parameters: json!({ key: value }),
    }
}

/// Answers a call of `org.varlink.service`; `None` is a call of another interface.
pub(crate) fn answer(call: &Call, about: Described) -> Option<Result<Json, Error>> {
    let method = call.method.strip_prefix(SERVICE)?.strip_prefix('.')?;
    Some(match method {
        "GetInfo" => Ok(json!({
            "vendor": "omadm",
            "product": about.product,
            "version": env!("CARGO_PKG_VERSION"),
            "url": "",
            "interfaces": [SERVICE, about.interface],
        })),
        "GetInterfaceDescription" => describe(call.parameters.as_ref(), about),
        _ => Err(error("MethodNotFound", "method", &call.method)),
    })
}

fn describe(parameters: Option<&Json>, about: Described) -> Result<Json, Error> {
    let interface = parameters.and_then(|parameters| parameters.get("interface")?.as_str());
    match interface {
        Some(name) if name == about.interface => Ok(json!({ "description": about.description })),
        Some(SERVICE) => Ok(json!({ "description": SERVICE_DESCRIPTION })),
        Some(other) => Err(error("InterfaceNotFound", "interface", other)),
        None => Err(error("InvalidParameter", "parameter", "interface")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(method: &str, parameters: Json) -> Option<Result<Json, Error>> {
        let call = Call {
            method: method.to_owned(),
            parameters: Some(parameters),
            oneway: false,
            more: false,
            upgrade: false,
        };
        answer(&call, Described::AGENT)
    }

    #[test]
    fn the_service_describes_what_it_lists() {
        let info = ask("org.varlink.service.GetInfo", json!({}))
            .unwrap()
            .unwrap();
        for interface in info["interfaces"].as_array().unwrap() {
            let question = json!({ "interface": interface });
            let answer = ask("org.varlink.service.GetInterfaceDescription", question);
            let text = answer.unwrap().unwrap()["description"]
                .as_str()
                .unwrap()
                .to_owned();
            assert!(text.contains(&format!("interface {}\n", interface.as_str().unwrap())));
        }
    }

    #[test]
    fn what_it_does_not_know_is_an_error() {
        let unknown = json!({ "interface": "org.example.Other" });
        assert!(
            ask("org.varlink.service.GetInterfaceDescription", unknown)
                .unwrap()
                .is_err()
        );
        assert!(
            ask("org.varlink.service.GetInterfaceDescription", json!(null))
                .unwrap()
                .is_err()
        );
        assert!(
            ask("org.varlink.service.Explode", json!({}))
                .unwrap()
                .is_err()
        );
        assert!(ask("io.omadm.Agent.GetStatus", json!({})).is_none());
        assert!(ask("org.varlink.serviceless.GetInfo", json!({})).is_none());
    }
}
