use crate::fixture::{Bench, address, ddf, leaf, uri};
use crate::{
    Authority, Content, Ddf, Effect, Exec, ExecCall, ManagementObject, Tree, View, operation,
};
use bytes::Bytes;
use omadm_syncml::{Format, StatusCode};

/// Answers one node at once and starts something for the other.
struct Operations(Ddf);

impl ManagementObject for Operations {
    fn ddf(&self) -> &Ddf {
        &self.0
    }

    fn exec(&self, call: &ExecCall<'_>, tree: &View<'_>) -> Result<Exec, StatusCode> {
        assert!(tree.node(call.uri).is_some());
        let argument = call.content.value.clone().unwrap_or_default();
        match call.uri.name() {
            Some("Echo") => Ok(Exec::Done(Some(argument))),
            _ => Ok(Exec::Start(Effect {
                action: format!("{:?} {:?}", call.by, call.correlator),
                uri: call.uri.clone(),
                argument: argument.as_bytes().cloned().unwrap_or_default(),
            })),
        }
    }
}

fn exec(
    bench: &Bench,
    by: Authority<'_>,
    at: &str,
    correlator: Option<&str>,
) -> Result<Exec, StatusCode> {
    operation::exec(
        &bench.view(),
        by,
        &address(at),
        &Content::text("hello"),
        correlator,
    )
}

#[test]
fn exec_checks_in_order_and_asks_the_object() {
    let nodes = ["Echo", "Start"].map(|name| leaf(name, "eg", Format::Null).permanent());
    let mut tree = Tree::default();
    tree.mount(Box::new(Operations(ddf("operations.xml", nodes.to_vec()))))
        .unwrap();
    let other = vec![
        leaf("Plain", "eg", Format::Null).permanent(),
        leaf("Quiet", "g", Format::Null).permanent(),
    ];
    tree.describe(&ddf("other.xml", other)).unwrap();
    let mut bench = Bench::on(tree);
    let server = Authority::Server("S");
    for (by, at, expected) in [
        (server, "./Nowhere", StatusCode::NOT_FOUND),
        (server, "./Quiet", StatusCode::NOT_ALLOWED),
        (server, "./Echo?prop=Name", StatusCode::NOT_ALLOWED),
        (server, "./Echo", StatusCode::PERMISSION_DENIED),
        (Authority::Local, "./Plain", StatusCode::NOT_SUPPORTED),
    ] {
        assert_eq!(exec(&bench, by, at, None), Err(expected), "{at}");
    }
    assert_eq!(bench.replace("", ".?prop=ACL", "Get=*&Exec=S"), Ok(()));
    assert_eq!(
        exec(&bench, server, "./Echo", None),
        Ok(Exec::Done(Some("hello".into())))
    );
    let effect = Effect {
        action: "Server(\"S\") Some(\"c1\")".to_owned(),
        uri: uri("Start"),
        argument: Bytes::from_static(b"hello"),
    };
    assert_eq!(
        exec(&bench, server, "./Start", Some("c1")),
        Ok(Exec::Start(effect))
    );
}
