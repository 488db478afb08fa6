use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::wire::{Empty, RunSessionReply, TraceEntry};
use super::*;

/// A connection with the given rights, and the calls that come out of it.
fn connect(rights: Rights) -> (UnixStream, mpsc::Receiver<Asked>) {
    let (near, far) = UnixStream::pair().unwrap();
    let (sender, receiver) = mpsc::channel(4);
    tokio::spawn(async move { serve(far, rights, &sender).await });
    (near, receiver)
}

async fn ask(stream: &mut UnixStream, call: &Json) {
    let mut bytes = call.to_string().into_bytes();
    bytes.push(0);
    stream.write_all(&bytes).await.unwrap();
}

async fn reply(stream: &mut UnixStream) -> Json {
    let mut bytes = Vec::new();
    loop {
        match stream.read_u8().await.unwrap() {
            0 => return serde_json::from_slice(&bytes).unwrap(),
            octet => bytes.push(octet),
        }
    }
}

#[tokio::test]
async fn a_call_reaches_the_loop_and_its_reply_the_peer() {
    let (mut stream, mut asked) = connect(Rights::Write);
    ask(&mut stream, &json!({ "method": "io.omadm.Agent.Reload" })).await;
    let call = asked.recv().await.unwrap();
    assert!(matches!(call.request, Request::Reload));
    assert!(!call.more);
    call.answer.finish(Ok(Empty {}));
    assert_eq!(reply(&mut stream).await, json!({ "parameters": {} }));
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let (mut stream, mut asked) = connect(Rights::Read);
    let call = json!({ "method": "io.omadm.Agent.DeleteNode", "parameters": { "uri": "./A" } });
    ask(&mut stream, &call).await;
    let answer = reply(&mut stream).await;
    assert_eq!(answer["error"], "io.omadm.Agent.PermissionDenied");
    ask(
        &mut stream,
        &json!({ "method": "io.omadm.Agent.GetStatus" }),
    )
    .await;
    let call = asked.recv().await.unwrap();
    assert!(matches!(call.request, Request::GetStatus));
}

#[tokio::test]
async fn replies_are_streamed_before_the_last() {
    let (mut stream, mut asked) = connect(Rights::Write);
    let call = json!({
        "method": "io.omadm.Agent.RunSession", "more": true, "parameters": { "trace": true },
    });
    ask(&mut stream, &call).await;
    let call = asked.recv().await.unwrap();
    assert!(call.more);
    let entry = RunSessionReply {
        entry: Some(TraceEntry::default()),
        session: None,
    };
    assert!(call.answer.stream(&entry, 1));
    call.answer.finish(Ok(RunSessionReply::default()));
    let first = reply(&mut stream).await;
    assert_eq!(first["continues"], true);
    assert_eq!(first["parameters"]["entry"]["direction"], "sent");
    assert_eq!(reply(&mut stream).await, json!({ "parameters": {} }));
}

#[tokio::test]
async fn a_client_that_does_not_read_loses_entries_but_not_the_end() {
    let (answer, mut replies) = Answer::channel();
    let sent = (0..1000).filter(|_| answer.stream(&Empty {}, 1)).count();
    assert_eq!(sent, STREAMED);
    answer.finish(Ok(Empty {}));
    let mut last = None;
    drop(answer);
    while let Some(out) = replies.recv().await {
        last = Some(out);
    }
    assert!(matches!(last, Some(Out::Last(Ok(_)))));
}

#[tokio::test]
async fn a_oneway_call_gets_no_reply() {
    let (mut stream, mut asked) = connect(Rights::Write);
    ask(
        &mut stream,
        &json!({ "method": "io.omadm.Agent.Reload", "oneway": true }),
    )
    .await;
    asked.recv().await.unwrap().answer.finish(Ok(Empty {}));
    ask(
        &mut stream,
        &json!({ "method": "org.varlink.service.GetInfo" }),
    )
    .await;
    assert_eq!(reply(&mut stream).await["parameters"]["product"], "omadmd");
}

#[tokio::test]
async fn a_call_that_the_loop_drops_is_answered() {
    let (mut stream, mut asked) = connect(Rights::Write);
    ask(&mut stream, &json!({ "method": "io.omadm.Agent.Reload" })).await;
    drop(asked.recv().await.unwrap());
    assert_eq!(reply(&mut stream).await["error"], "io.omadm.Agent.Failed");
    drop(asked);
    ask(&mut stream, &json!({ "method": "io.omadm.Agent.Reload" })).await;
    assert_eq!(reply(&mut stream).await["error"], "io.omadm.Agent.Failed");
}

#[tokio::test]
async fn hostile_input_ends_the_connection_and_nothing_else() {
    let deep = [b"[".repeat(100_000), vec![0]].concat();
    let inputs: [&[u8]; 8] = [
        b"\0",
        b"not json\0",
        b"[1,2]\0",
        b"{\"method\":5}\0",
        b"{}\0",
        b"\xff\xfe\0",
        b"{\"method\":\"a\",\"method\":\"b\"}\0",
        &deep,
    ];
    for input in inputs {
        let (mut stream, mut asked) = connect(Rights::Write);
        stream.write_all(input).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let text = String::from_utf8(answer).unwrap();
        assert!(text.contains("io.omadm.Agent.InvalidRequest"), "{text}");
        assert!(asked.recv().await.is_none());
    }
}

#[tokio::test]
async fn an_endless_request_is_cut_off() {
    let (mut stream, _asked) = connect(Rights::Write);
    let block = vec![b'x'; 65_536];
    let mut written = 0;
    while stream.write_all(&block).await.is_ok() {
        written += block.len();
        assert!(written < 4 * MAX_REQUEST, "the peer takes any amount");
    }
}

#[tokio::test]
async fn a_reply_that_no_client_takes_becomes_an_error() {
    let (mut stream, mut asked) = connect(Rights::Read);
    ask(
        &mut stream,
        &json!({ "method": "io.omadm.Agent.GetStatus" }),
    )
    .await;
    let call = asked.recv().await.unwrap();
    call.answer.finish(Ok("x".repeat(MAX_REPLY)));
    let answer = reply(&mut stream).await;
    assert_eq!(answer["error"], "io.omadm.Agent.InvalidRequest");
}

#[tokio::test]
async fn calls_may_be_sent_ahead() {
    let (mut stream, _asked) = connect(Rights::Read);
    let call = json!({ "method": "org.varlink.service.GetInfo" }).to_string();
    let both = format!("{call}\0{call}\0");
    stream.write_all(both.as_bytes()).await.unwrap();
    for _ in 0..2 {
        assert_eq!(reply(&mut stream).await["parameters"]["product"], "omadmd");
    }
}

#[tokio::test]
async fn an_upgrade_is_refused() {
    let (mut stream, _asked) = connect(Rights::Write);
    ask(
        &mut stream,
        &json!({ "method": "io.omadm.Agent.GetStatus", "upgrade": true }),
    )
    .await;
    assert_eq!(
        reply(&mut stream).await["error"],
        "io.omadm.Agent.InvalidRequest"
    );
}

/// Calls `RunSession`, as a client does that waits for the end of a session.
async fn wait_for_a_session(stream: &mut UnixStream, asked: &mut mpsc::Receiver<Asked>) -> Answer {
    ask(
        stream,
        &json!({ "method": "io.omadm.Agent.RunSession", "parameters": {} }),
    )
    .await;
    asked.recv().await.unwrap().answer
}

#[tokio::test]
async fn a_client_that_leaves_while_it_waits_frees_its_place() {
    let (mut stream, mut asked) = connect(Rights::Write);
    let answer = wait_for_a_session(&mut stream, &mut asked).await;
    assert!(!answer.is_unwanted());
    // What it has sent ahead does not hide that it has gone.
    ask(&mut stream, &json!({ "method": "io.omadm.Agent.Reload" })).await;
    drop(stream);
    // The connection ends although nobody answers.
    assert!(asked.recv().await.is_none());
    assert!(answer.is_unwanted());
}

#[tokio::test]
async fn a_client_that_only_sends_no_more_gets_its_answer() {
    let (mut stream, mut asked) = connect(Rights::Write);
    let answer = wait_for_a_session(&mut stream, &mut asked).await;
    stream.shutdown().await.unwrap();
    sleep(Duration::from_millis(20)).await;
    answer.finish(Ok(Empty {}));
    assert_eq!(reply(&mut stream).await, json!({ "parameters": {} }));
    assert!(asked.recv().await.is_none());
}

#[tokio::test]
async fn what_a_client_sends_while_it_waits_is_bounded() {
    let (mut stream, mut asked) = connect(Rights::Write);
    let answer = wait_for_a_session(&mut stream, &mut asked).await;
    let block = vec![b'x'; 65_536];
    let flood = async {
        for written in 0.. {
            assert!(written < 64, "the daemon takes any amount");
            stream.write_all(&block).await.unwrap();
        }
    };
    let within = timeout(Duration::from_millis(200), flood).await;
    assert!(within.is_err(), "it stands still");
    assert!(!answer.is_unwanted());
}

#[tokio::test]
async fn a_oneway_call_of_a_client_that_has_gone_stands() {
    let (mut stream, mut asked) = connect(Rights::Write);
    let call = json!({ "method": "io.omadm.Agent.Reload", "oneway": true });
    ask(&mut stream, &call).await;
    drop(stream);
    let answer = asked.recv().await.unwrap().answer;
    sleep(Duration::from_millis(20)).await;
    assert!(!answer.is_unwanted());
}

#[tokio::test]
async fn what_waits_for_a_slow_client_is_bounded_in_octets() {
    let (answer, mut replies) = Answer::channel();
    let large = RunSessionReply {
        entry: Some(TraceEntry {
            xml: "x".repeat(STREAMED_BYTES / 2),
            ..TraceEntry::default()
        }),
        session: None,
    };
    let stream = |answer: &Answer| answer.stream(&large, STREAMED_BYTES / 2);
    assert!(stream(&answer) && stream(&answer));
    assert!(!stream(&answer), "no room");
    drop(replies.recv().await);
    assert!(stream(&answer), "room again");
    drop((replies.recv().await, replies.recv().await));
    // One that is larger than all the room there is goes alone.
    assert!(answer.stream(&large, 10 * STREAMED_BYTES));
    assert!(!answer.stream(&Empty {}, 1));
}
