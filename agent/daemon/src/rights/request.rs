//! The closed list of requests: one for each right, and what every Varlink service answers.

use std::os::fd::OwnedFd;
use std::time::Instant;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

use super::gadget::Held;
use super::wire::{
    DownGadget, DownReply, METHOD, OpenGadget, OpenReply, ReadKmsg, ReadPss, ReadPstore, Request,
    StatusOfGadget, UpGadget,
};
use super::{Right, crash_records, kernel_log, pss};
use crate::control::service::{self, Described};
use crate::control::wire::{Call, Error};

/// Why a request is not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The caller is not served.
    PermissionDenied(String),
    /// The request makes no sense.
    InvalidRequest(String),
    /// The machine did not give what was asked for.
    Failed(String),
    /// An error of `org.varlink.service`.
    Varlink(String, Json),
}

impl Refusal {
    /// The qualified name and the parameters.
    pub(super) fn to_wire(&self, right: Right) -> (String, Json) {
        let (name, message) = match self {
            Self::PermissionDenied(message) => ("PermissionDenied", message),
            Self::InvalidRequest(message) => ("InvalidRequest", message),
            Self::Failed(message) => ("Failed", message),
            Self::Varlink(name, parameters) => return (name.clone(), parameters.clone()),
        };
        let name = format!("{}.{name}", right.interface());
        (name, json!({ "message": message }))
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let (name, parameters) = error.to_wire();
        Self::Varlink(name, parameters)
    }
}

/// Who asks, and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asking {
    /// It is root.
    pub(super) root: bool,
    /// When gathering an answer stops.
    pub(super) deadline: Instant,
}

/// What a caller is told: parameters, and with some a descriptor.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) parameters: Json,
    pub(super) descriptor: Option<OwnedFd>,
}

/// Answers a call with what this process holds.
pub(super) fn answer(
    right: Right,
    call: &Call,
    asking: Asking,
    held: &mut Held,
) -> Result<Answer, Refusal> {
    if call.upgrade {
        let text = "the connection cannot be upgraded".to_owned();
        return Err(Refusal::InvalidRequest(text));
    }
    let described = Described {
        product: "omadm-helper",
        interface: right.interface(),
        description: right.description(),
    };
    if let Some(answer) = service::answer(call, described) {
        return Ok(told(answer?));
    }
    let (interface, method) = call.method.rsplit_once('.').unwrap_or_default();
    if interface != right.interface() {
        return Err(service::error("InterfaceNotFound", "interface", interface).into());
    }
    let deadline = asking.deadline;
    match (right, method) {
        (Right::Pss, METHOD) => reply(pss::read(&parameters::<ReadPss>(call)?, deadline)),
        (Right::Kmsg, METHOD) => reply(kernel_log::read(parameters::<ReadKmsg>(call)?, deadline)),
        (Right::Pstore, METHOD) => {
            let ReadPstore {} = parameters(call)?;
            reply(crash_records::read(deadline))
        }
        (Right::Gadget, _) => gadget(method, call, asking, held),
        _ => Err(service::error("MethodNotFound", "method", &call.method).into()),
    }
}

/// The gadget is root's; the agent may look, and wait on its function.
fn gadget(method: &str, call: &Call, asking: Asking, held: &mut Held) -> Result<Answer, Refusal> {
    let only_root = || {
        let text = || "only root may do that".to_owned();
        let root = asking.root.then_some(());
        root.ok_or_else(|| Refusal::PermissionDenied(text()))
    };
    match method {
        UpGadget::METHOD => {
            only_root()?;
            reply(held.up(&parameters(call)?))
        }
        DownGadget::METHOD => {
            only_root()?;
            let DownGadget {} = parameters(call)?;
            reply(held.down().map(|was_up| DownReply { was_up }))
        }
        StatusOfGadget::METHOD => {
            let StatusOfGadget {} = parameters(call)?;
            reply(Ok(held.status()))
        }
        OpenGadget::METHOD => {
            let OpenGadget {} = parameters(call)?;
            let descriptor = Some(held.open()?);
            Ok(Answer {
                descriptor,
                ..reply(Ok(OpenReply {}))?
            })
        }
        _ => Err(service::error("MethodNotFound", "method", &call.method).into()),
    }
}

fn told(parameters: Json) -> Answer {
    Answer {
        parameters,
        descriptor: None,
    }
}

fn parameters<P: DeserializeOwned>(call: &Call) -> Result<P, Refusal> {
    let parameters = match &call.parameters {
        None | Some(Json::Null) => json!({}),
        Some(parameters) => parameters.clone(),
    };
    let method = call.method.rsplit('.').next().unwrap_or_default();
    serde_json::from_value(parameters)
        .map_err(|error| Refusal::InvalidRequest(format!("{method}: {error}")))
}

fn reply(reply: Result<impl Serialize, Refusal>) -> Result<Answer, Refusal> {
    let parameters = serde_json::to_value(reply?);
    parameters
        .map(told)
        .map_err(|error| Refusal::Failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rights::line::within;
    use std::time::Duration;

    fn ask(right: Right, method: &str, parameters: Json) -> Result<Json, Refusal> {
        let call = Call {
            method: method.to_owned(),
            parameters: Some(parameters),
            oneway: false,
            more: false,
            upgrade: false,
        };
        let asking = Asking {
            root: false,
            deadline: within(Duration::from_secs(20)),
        };
        let answer = answer(right, &call, asking, &mut Held::default())?;
        Ok(answer.parameters)
    }

    fn refused(right: Right, method: &str, parameters: Json) -> String {
        let refusal = ask(right, method, parameters).unwrap_err();
        refusal.to_wire(right).0
    }

    #[test]
    fn a_helper_answers_for_its_own_right_alone() {
        let name = refused(Right::Pss, "io.omadm.Rights.Kmsg.Read", json!({}));
        assert_eq!(name, "org.varlink.service.InterfaceNotFound");
        let name = refused(Right::Pss, "io.omadm.Rights.Pss.Write", json!({}));
        assert_eq!(name, "org.varlink.service.MethodNotFound");
        assert!(ask(Right::Pss, "", json!({})).is_err());
    }

    #[test]
    fn parameters_are_read_strictly() {
        for parameters in [
            json!({}),
            json!({ "pids": [-1] }),
            json!({ "pids": [4_294_967_296_u64] }),
            json!({ "pids": ["1"] }),
            json!({ "pids": [1.5] }),
            json!({ "pids": [], "path": "/etc/shadow" }),
            json!([]),
        ] {
            let name = refused(Right::Pss, "io.omadm.Rights.Pss.Read", parameters);
            assert_eq!(name, "io.omadm.Rights.Pss.InvalidRequest");
        }
        let parameters = json!({ "name": "../../etc/shadow" });
        let name = refused(Right::Pstore, "io.omadm.Rights.Pstore.Read", parameters);
        assert_eq!(name, "io.omadm.Rights.Pstore.InvalidRequest");
    }

    #[test]
    fn the_gadget_is_root_s() {
        for (method, parameters) in [
            ("Up", json!({ "acm": true, "obex": true })),
            ("Down", json!({})),
        ] {
            let method = format!("io.omadm.Rights.Gadget.{method}");
            let name = refused(Right::Gadget, &method, parameters);
            assert_eq!(name, "io.omadm.Rights.Gadget.PermissionDenied");
        }
        let method = "io.omadm.Rights.Gadget.Open";
        let name = refused(Right::Gadget, method, json!({}));
        assert_eq!(name, "io.omadm.Rights.Gadget.Failed");
        let name = refused(Right::Gadget, method, json!({ "path": "/dev/mem" }));
        assert_eq!(name, "io.omadm.Rights.Gadget.InvalidRequest");
        let name = refused(Right::Gadget, "io.omadm.Rights.Gadget.Read", json!({}));
        assert_eq!(name, "org.varlink.service.MethodNotFound");
        let status = ask(Right::Gadget, "io.omadm.Rights.Gadget.Status", json!({})).unwrap();
        assert!(status["gadget"].is_null(), "{status}");
    }

    #[test]
    fn it_describes_itself() {
        for right in Right::ALL {
            let info = ask(right, "org.varlink.service.GetInfo", json!({})).unwrap();
            assert_eq!(info["product"], "omadm-helper");
            assert_eq!(info["interfaces"][1], right.interface());
            let question = json!({ "interface": right.interface() });
            let method = "org.varlink.service.GetInterfaceDescription";
            let answer = ask(right, method, question).unwrap();
            assert_eq!(answer["description"], right.description());
        }
    }
}
