//! What a caller asks for, parsed, and which rights that takes.

use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::service;
use super::socket::Rights;
use super::wire::{self, Call, Error, Method};

/// A call of `io.omadm.Agent`.
#[derive(Debug)]
pub enum Request {
    /// `GetStatus`
    GetStatus,
    /// `RunSession`
    RunSession(wire::RunSession),
    /// `Notify`
    Notify(wire::Notify),
    /// `ListTree`
    ListTree(wire::ListTree),
    /// `GetNode`
    GetNode(wire::GetNode),
    /// `SetNode`
    SetNode(wire::SetNode),
    /// `DeleteNode`
    DeleteNode(wire::DeleteNode),
    /// `ReadKpis`
    ReadKpis(wire::ReadKpis),
    /// `AddAccount`
    AddAccount(Box<wire::NewAccount>),
    /// `SetAccount`
    SetAccount(Box<wire::SetAccount>),
    /// `ListAccounts`
    ListAccounts,
    /// `RemoveAccount`
    RemoveAccount(wire::RemoveAccount),
    /// `CheckRights`
    CheckRights,
    /// `Reload`
    Reload,
}

impl Request {
    /// Reads a call. Errors name the method or the parameter, as Varlink wants it.
    pub(super) fn parse(call: Call) -> Result<Self, Error> {
        let Call {
            method, parameters, ..
        } = call;
        Ok(match method.strip_prefix("io.omadm.Agent.") {
            Some("GetStatus") => {
                read::<wire::GetStatus>(parameters)?;
                Self::GetStatus
            }
            Some("RunSession") => Self::RunSession(read(parameters)?),
            Some("Notify") => Self::Notify(read(parameters)?),
            Some("ListTree") => Self::ListTree(read(parameters)?),
            Some("GetNode") => Self::GetNode(read(parameters)?),
            Some("SetNode") => Self::SetNode(read(parameters)?),
            Some("DeleteNode") => Self::DeleteNode(read(parameters)?),
            Some("ReadKpis") => Self::ReadKpis(read(parameters)?),
            Some("AddAccount") => {
                Self::AddAccount(Box::new(read::<wire::AddAccount>(parameters)?.account))
            }
            Some("SetAccount") => Self::SetAccount(Box::new(read(parameters)?)),
            Some("ListAccounts") => {
                read::<wire::ListAccounts>(parameters)?;
                Self::ListAccounts
            }
            Some("RemoveAccount") => Self::RemoveAccount(read(parameters)?),
            Some("CheckRights") => {
                read::<wire::CheckRights>(parameters)?;
                Self::CheckRights
            }
            Some("Reload") => {
                read::<wire::Reload>(parameters)?;
                Self::Reload
            }
            Some(_) => return Err(service::error("MethodNotFound", "method", &method)),
            None => {
                let interface = method
                    .rsplit_once('.')
                    .map_or("", |(interface, _)| interface);
                return Err(service::error("InterfaceNotFound", "interface", interface));
            }
        })
    }

    /// What the caller must be allowed to.
    pub(super) fn needs(&self) -> Rights {
        match self {
            Self::GetStatus
            | Self::ListTree(_)
            | Self::GetNode(_)
            | Self::ReadKpis(_)
            | Self::ListAccounts
            | Self::CheckRights => Rights::Read,
            Self::RunSession(_)
            | Self::Notify(_)
            | Self::SetNode(_)
            | Self::DeleteNode(_)
            | Self::AddAccount(_)
            | Self::SetAccount(_)
            | Self::RemoveAccount(_)
            | Self::Reload => Rights::Write,
        }
    }
}

fn read<P: Method + DeserializeOwned>(parameters: Option<Json>) -> Result<P, Error> {
    let parameters = match parameters {
        None | Some(Json::Null) => Json::Object(serde_json::Map::new()),
        Some(parameters) => parameters,
    };
    // serde names the field and the expectation but never a value that was right.
    serde_json::from_value(parameters)
        .map_err(|error| Error::InvalidRequest(format!("{}: {error}", P::NAME)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(method: &str, parameters: Option<Json>) -> Result<Request, Error> {
        Request::parse(Call {
            method: method.to_owned(),
            parameters,
            oneway: false,
            more: false,
            upgrade: false,
        })
    }

    #[test]
    fn every_method_is_parsed() {
        for name in wire::METHODS {
            let outcome = call(&format!("io.omadm.Agent.{name}"), None);
            let unknown = matches!(outcome, Err(Error::Varlink { .. }));
            assert!(!unknown, "{name}");
        }
    }

    #[test]
    fn what_is_unknown_is_named() {
        let Err(Error::Varlink { name, parameters }) = call("io.omadm.Agent.Explode", None) else {
            panic!("accepted")
        };
        assert_eq!(name, "org.varlink.service.MethodNotFound");
        assert_eq!(parameters["method"], "io.omadm.Agent.Explode");
        let Err(Error::Varlink { name, parameters }) = call("org.example.Other.Do", None) else {
            panic!("accepted")
        };
        assert_eq!(name, "org.varlink.service.InterfaceNotFound");
        assert_eq!(parameters["interface"], "org.example.Other");
        assert!(call("", None).is_err());
    }

    #[test]
    fn parameters_are_read_strictly() {
        let found = call("io.omadm.Agent.DeleteNode", None).unwrap_err();
        assert!(found.to_string().contains("uri"), "{found}");
        let json = serde_json::json!({ "uri": "./A", "force": true });
        let found = call("io.omadm.Agent.DeleteNode", Some(json)).unwrap_err();
        assert!(found.to_string().contains("force"), "{found}");
    }

    #[test]
    fn a_refused_account_does_not_repeat_its_secret() {
        let json = serde_json::json!({ "account": {
            "name": "a", "server_id": "b", "address": "c",
            "client_secret": "hunter2", "server_secret": ["hunter2"],
        }});
        let found = call("io.omadm.Agent.AddAccount", Some(json)).unwrap_err();
        assert!(!found.to_string().contains("hunter2"), "{found}");
    }

    #[test]
    fn only_what_reads_is_for_the_group() {
        let rights = |method: &str, json| call(method, Some(json)).unwrap().needs();
        let uri = serde_json::json!({ "uri": "./A" });
        assert_eq!(rights("io.omadm.Agent.GetNode", uri.clone()), Rights::Read);
        assert_eq!(rights("io.omadm.Agent.SetNode", uri.clone()), Rights::Write);
        assert_eq!(rights("io.omadm.Agent.DeleteNode", uri), Rights::Write);
        let package = serde_json::json!({ "package": "" });
        assert_eq!(rights("io.omadm.Agent.Notify", package), Rights::Write);
        assert_eq!(
            rights("io.omadm.Agent.Reload", serde_json::json!({})),
            Rights::Write
        );
    }
}
