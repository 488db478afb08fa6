"""A client that this project did not write calls every method of the agent.

varlink_client.py root SOCKET ACCOUNT CONFIG     as somebody who may do everything
varlink_client.py reader SOCKET UID              as a member of the group

It ends with the line `called: N methods`; anything amiss is an exception.
"""

import base64
import hashlib
import json
import os
import sys
import time

import varlink
from varlink import scanner

AGENT = "io.omadm.Agent"
SERVICE = "org.varlink.service"

# What a member of the group may call, with parameters. Everything else is refused.
READING = {
    "GetStatus": {},
    "ListTree": {"uri": "./DevInfo"},
    "GetNode": {"uri": "./DevInfo/DevId"},
    "ReadKpis": {"patterns": ["memory.*"]},
    "ListAccounts": {},
    "CheckRights": {},
}

# Parameters that are well formed for what is refused.
WRITING = {
    "RunSession": {},
    "SetNode": {"uri": "./DevInfo/Lang", "value": "de"},
    "DeleteNode": {"uri": "./DMAcc/x"},
    "AddAccount": {"account": {"name": "x", "server_id": "x", "address": "https://x.example/"}},
    "SetAccount": {"name": "x", "settings": {}},
    "RemoveAccount": {"name": "x"},
    "Reload": {},
    "Notify": {"package": ""},
}


class Connection(varlink.SimpleClientInterfaceHandler):
    """Remembers what was called and holds replies and errors against the interface."""

    called = set()

    def _next_message(self):
        for message in super()._next_message():
            reply = json.loads(message)
            if "error" not in reply or reply["error"] is None:
                out = self._interface.get_method(self._current).out_type
                conform(self._interface, out, reply.get("parameters", {}), self._current)
            else:
                interface, _, name = reply["error"].rpartition(".")
                if interface == self._interface.name:
                    error = self._interface.members[name]
                    assert isinstance(error, scanner._Error), reply
                    conform(self._interface, error.type, reply["parameters"], name)
            yield message

    def _call(self, method, /, *args, **kwargs):
        self._current = method
        self.called.add((self._interface.name, method))
        return super()._call(method, *args, **kwargs)

    def _call_more(self, method, /, *args, **kwargs):
        self._current = method
        self.called.add((self._interface.name, method))
        return super()._call_more(method, *args, **kwargs)


class Client(varlink.Client):
    handler = Connection


def conform(interface, wanted, value, path):
    """A value has the type that the interface says, with no member too few or too many."""
    wrong = f"{path}: {value!r} is not what the interface says"
    if isinstance(wanted, scanner._CustomType):
        conform(interface, interface.members[wanted.name].type, value, path)
    elif isinstance(wanted, scanner._Maybe):
        if value is not None:
            conform(interface, wanted.element_type, value, path)
    elif isinstance(wanted, scanner._Array):
        assert isinstance(value, list), wrong
        for at, element in enumerate(value):
            conform(interface, wanted.element_type, element, f"{path}[{at}]")
    elif isinstance(wanted, scanner._Enum):
        assert value in wanted.fields, wrong
    elif isinstance(wanted, scanner._Struct):
        assert isinstance(value, dict), wrong
        unknown = set(value) - set(wanted.fields)
        assert not unknown, f"{path}: the interface does not know {sorted(unknown)}"
        for name, member in wanted.fields.items():
            conform(interface, member, value.get(name), f"{path}.{name}")
    elif isinstance(wanted, bool):
        assert isinstance(value, bool), wrong
    elif isinstance(wanted, (int, float)):
        numbers = int if isinstance(wanted, int) else (int, float)
        assert isinstance(value, numbers) and not isinstance(value, bool), wrong
    else:
        assert isinstance(wanted, str) and isinstance(value, str), wrong


def methods(interface):
    return {
        name
        for name, member in interface.members.items()
        if isinstance(member, scanner._Method)
    }


def refused(error, call, **parameters):
    """The call has to fail with this error, whose parameters are returned."""
    try:
        call(**parameters)
    except varlink.VarlinkError as found:
        assert found.error() == error, found
        return found.parameters()
    raise AssertionError(f"{call.__name__} {parameters} was accepted")


def introspect(client):
    """The service says what it is, and describes whatever it lists."""
    with client.open(SERVICE) as service:
        info = service.GetInfo()
        assert {SERVICE, AGENT} <= set(info["interfaces"]), info
        assert info["product"] == "omadmd", info
        for name in info["interfaces"]:
            described = service.GetInterfaceDescription(interface=name)
            assert scanner.Interface(described["description"]).name == name
        parameters = refused(
            SERVICE + ".InterfaceNotFound",
            service.GetInterfaceDescription,
            interface="org.example.Other",
        )
        assert parameters == {"interface": "org.example.Other"}, parameters


def unknown(client, interface):
    """What the service does not have is an error of the standard's."""
    more = scanner.Interface(interface.description + "\nmethod Explode() -> ()\n")
    own = scanner.Interface("interface org.example.Other\nmethod Explode() -> ()\n")
    for description, error in ((more, "MethodNotFound"), (own, "InterfaceNotFound")):
        with Connection(description, client.open_connection()) as connection:
            refused(f"{SERVICE}.{error}", connection.Explode)
        Connection.called.discard((description.name, "Explode"))


def nodes(agent):
    tree = agent.ListTree(uri="./DevInfo")["nodes"]
    assert tree[0]["uri"] == "./DevInfo" and len(tree) > 4, tree
    agent.SetNode(uri="./DevInfo/Lang", value="de-DE")
    assert agent.GetNode(uri="./DevInfo/Lang")["node"]["value"] == "de-DE"
    note = "./DMAcc/other/Ext/Test/Note"
    agent.SetNode(uri=note, value_base64="eA==", format="chr", type="text/plain")
    assert agent.GetNode(uri=note)["node"]["value"] == "x"
    agent.DeleteNode(uri=note)
    missing = refused(AGENT + ".Refused", agent.GetNode, uri=note)
    assert missing["status"] == 404 and missing["uri"] == note, missing
    fixed = refused(AGENT + ".Refused", agent.SetNode, uri="./DevInfo/DevId", value="x")
    assert fixed["status"] == 405, fixed
    refused(AGENT + ".InvalidRequest", agent.SetNode, uri=note, value="x", value_base64="eA==")
    refused(AGENT + ".InvalidRequest", agent.GetNode, uri="no uri\n")


def kpis(agent):
    samples = agent.ReadKpis(patterns=["memory.total", "link.rx.bytes"])["samples"]
    total = [sample for sample in samples if sample["id"] == "memory.total"]
    assert len(total) == 1 and total[0]["value"] > 0, samples
    links = {sample.get("instance") for sample in samples if sample["id"] == "link.rx.bytes"}
    assert "lo" in links, samples
    refused(AGENT + ".InvalidRequest", agent.ReadKpis, patterns=["no.such.kpi"])


def rights(agent):
    features = {feature["name"]: feature for feature in agent.CheckRights()["features"]}
    assert features["configuration"]["state"] == "ok", features
    assert all(feature.get("mend") for feature in features.values() if feature["state"] == "missing")


def accounts(agent):
    new = {
        "name": "other",
        "server_id": "other.example",
        # Nobody listens there.
        "address": "https://127.0.0.1:9/dm",
        "client_auth": "md5",
        "client_secret": "s3cret-of-the-device",
        "server_auth": "md5",
        "server_secret": "s3cret-of-the-server",
    }
    agent.AddAccount(account=new)
    refused(AGENT + ".InvalidRequest", agent.AddAccount, account=new)
    agent.SetAccount(name="other", settings={"encoding": "xml"})
    listed = {account["name"]: account for account in agent.ListAccounts()["accounts"]}
    assert listed["other"]["encoding"] == "xml", listed
    assert "s3cret" not in json.dumps(listed), listed


def package_0(server, secret, nonce, session):
    """OMA-TS-DM_Notification 1.2.1, 6.2: background, begun by the server."""
    trigger = bytes([0x02, 0xD8, 0, 0, 0]) + session.to_bytes(2, "big")
    trigger += bytes([len(server)]) + server

    def hashed(octets):
        return base64.b64encode(hashlib.md5(octets).digest())

    proof = hashed(server + b":" + secret) + b":" + nonce + b":" + hashed(trigger)
    return base64.b64encode(hashlib.md5(proof).digest() + trigger).decode()


def notifications(agent):
    server = b"other.example"
    package = package_0(server, b"s3cret-of-the-server", bytes(4), 0x1A2B)
    followed = agent.Notify(package=package)
    assert followed["account"] == "other" and followed["session_id"] == "1A2B", followed
    assert followed["resynchronised"] is True, followed
    refused(AGENT + ".InvalidRequest", agent.Notify, package="no base64")
    status = agent.GetStatus()["status"]
    assert status["notifications"]["accepted"] == 1, status
    # The session fails at once; until then its account stays.
    for _ in range(200):
        if "session" not in agent.GetStatus()["status"]:
            return
        time.sleep(0.05)
    raise AssertionError("the session does not end")


def sessions(agent, account):
    ended = agent.RunSession(account=account)
    assert ended["session"]["result"] == "completed", ended
    refused(AGENT + ".InvalidRequest", agent.RunSession, account=account, trace=True)
    refused(AGENT + ".NotFound", agent.RunSession, account="nobody")
    replies = list(agent.RunSession(account=account, trace=True, _more=True))
    assert len(replies) > 2, replies
    entries, last = [reply.get("entry") for reply in replies[:-1]], replies[-1]
    assert {entry["direction"] for entry in entries} == {"sent", "received"}, entries
    assert all("<SyncML" in entry["xml"] for entry in entries), entries
    assert last["session"]["result"] == "completed" and "entry" not in last, last


def reload(agent, config):
    agent.Reload()
    assert agent.Reload(_oneway=True) is None
    assert agent.GetStatus()["status"]["pid"] > 0
    with open(config, "a") as file:
        file.write("\n[session]\nno-such-key = 1\n")
    failed = refused(AGENT + ".Failed", agent.Reload)
    assert "no-such-key" in failed["message"], failed


def root(client, account, config):
    introspect(client)
    with client.open(AGENT) as agent:
        status = agent.GetStatus()["status"]
        assert [found["name"] for found in status["accounts"]] == [account], status
        accounts(agent)
        nodes(agent)
        kpis(agent)
        rights(agent)
        sessions(agent, account)
        notifications(agent)
        agent.RemoveAccount(name="other")
        refused(AGENT + ".NotFound", agent.RemoveAccount, name="other")
        reload(agent, config)


def reader(client):
    with client.open(AGENT) as agent:
        for name, parameters in READING.items():
            getattr(agent, name)(**parameters)
        for name in methods(agent._interface) - set(READING):
            refused(AGENT + ".PermissionDenied", getattr(agent, name), **WRITING[name])
        agent.GetStatus()


def main(role, socket, *more):
    with Client.new_with_address("unix:" + socket) as client:
        if role == "reader":
            # Only now: the library reads files of its own before.
            uid = int(more[0])
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
        interface = client.get_interface(AGENT)
        if role == "reader":
            reader(client)
        else:
            root(client, *more)
            unknown(client, interface)
        called = {name for at, name in Connection.called if at == AGENT}
        missed = methods(interface) - called
        assert not missed, f"never called: {sorted(missed)}"
        print(f"called: {len(called)} methods")


if __name__ == "__main__":
    main(*sys.argv[1:])
