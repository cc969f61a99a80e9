"""Compares the raw body of an answer with the output shape that botocore's model gives for its operation.

Must not use botocore's parsers: they drop what they do not know, and that is what is looked for here. Finds members that
no model has, required ones that are missing, values of another type, and enum values that AWS never sends.
"""

import base64
import io
import json
import re
import xml.etree.ElementTree as ElementTree

WHOLE = re.compile(r"-?\d+")
DECIMAL = re.compile(r"-?(\d+(\.\d*)?([eE][-+]?\d+)?|NaN|Infinity)")
ISO_8601 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
RFC_822 = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")

# What the protocols put around an answer, which no output shape has.
ENVELOPE = {"query": {"ResponseMetadata"}, "ec2": {"requestId"}, "rest-xml": set()}
# Members that AWS sends and botocore's models leave out; that of settings is in the model of awsebcli 3.27.
KNOWN_TO_SEND = {"Bucket.BucketRegion", "ConfigurationSettingsDescription.Tier"}
# Enums whose values AWS sends in capitals, though its models have them otherwise (awsebcli 3.27, `commonops.py`,
# compares with `PROCESSED`).
SENT_IN_CAPITALS = {"ApplicationVersionStatus"}
# Values beside those that the models list, by shape (recorded by cloud-custodian: ListDistributions, SimulatePrincipalPolicy; answers of
# DescribeEnvironments of 2025; awsdocs/iam-user-guide#82).
SENT_TOO = {
    "PermissionsBoundaryAttachmentType": ["Policy"],
    "EnvironmentHealthStatus": ["No Data"],
    "PolicySourceType": ["IAM Policy"],
    "HttpVersion": ["HTTP1.1", "HTTP2", "HTTP3", "HTTP2AND3"],
}
# Members that AWS fills with other values than its model lists; the model's own text gives these.
OTHER_VALUES = {
    "DescribeEnvironmentHealthResult.Status": {"Launching", "Updating", "Ready", "Terminating", "Terminated"},
    "DescribeInternetGatewaysResult.InternetGateways[].Attachments[].State": {"available"},
    "CreateVpcEndpointResult.VpcEndpoint.State": {"available"},
    "DescribeVpcEndpointsResult.VpcEndpoints[].State": {"available"},
    # With hyphens, whatever the model lists (public answers of the AWS CLI since 2019).
    "DescribeCertificateResponse.Certificate.KeyAlgorithm": {"RSA-2048", "EC-prime256v1"},
    # Empty where nothing was asked for (recorded by cloud-custodian: SendCommand).
    "SendCommandResult.Command.NotificationConfig.NotificationType": {""},
    "ListCommandsResult.Commands[].NotificationConfig.NotificationType": {""},
    # The first region has no name.
    "GetBucketLocationOutput.LocationConstraint": {"", "EU", "eu-west-1"},
}


def problems(operation, status, headers, body):
    """Every deviation of one answer, each a line; none if it is what AWS would send."""
    protocol = protocol_of(operation.service_model)
    found = []
    if status >= 300:
        _check_error(operation, protocol, status, headers, body, found)
    else:
        _check_output(operation, protocol, headers, body, found)
    _check_request_id(protocol, status, headers, body, found)
    return [f"{operation.service_model.service_id}.{operation.name}: {line}" for line in found]


def protocol_of(service):
    return getattr(service, "resolved_protocol", None) or service.protocol


def _check_output(operation, protocol, headers, body, found):
    shape = operation.output_shape
    if shape is None:
        if body.strip() and protocol == "rest-xml":
            found.append(f"a body where the model has none: {body[:80]!r}")
        return
    if protocol == "json":
        value = json.loads(body or b"{}", object_pairs_hook=lambda pairs: _once(pairs, found))
        _walk_json(shape, value, shape.name, found)
    elif protocol == "smithy-rpc-v2-cbor":
        _walk_json(shape, _cbor(body), shape.name, found)
    elif protocol == "rest-xml":
        _check_rest_xml(operation, shape, headers, body, found)
    else:
        _check_query(operation, protocol, shape, body, found)


def _check_query(operation, protocol, shape, body, found):
    root = _parse(body, found)
    if root is None:
        return
    _expect(_name(root) == f"{operation.name}Response", f"the root element is {_name(root)}", found)
    elements = [child for child in root if _name(child) not in ENVELOPE[protocol]]
    wrapper = shape.serialization.get("resultWrapper")
    if wrapper:
        _expect([_name(child) for child in elements] == [wrapper], f"there is no {wrapper}", found)
        elements = list(elements[0]) if elements else []
    _walk_members(shape, elements, shape.name, protocol, found)


def _check_rest_xml(operation, shape, headers, body, found):
    in_body = {}
    for name, member in shape.members.items():
        location = member.serialization.get("location")
        if location == "header":
            value = headers.get(member.serialization["name"])
            if value is None:
                _expect(name not in shape.required_members, f"the header of {name} is missing", found)
            else:
                timestamp_format = member.serialization.get("timestampFormat", "rfc822")
                _scalar(member, value, f"{shape.name}.{name}", timestamp_format, found)
        elif location is None:
            in_body[name] = member
    payload = shape.serialization.get("payload")
    if payload:
        member = shape.members[payload]
        if member.type_name != "structure":
            return
        root = _parse(body, found)
        if root is not None:
            expected = member.serialization.get("name", member.name)
            _expect(_name(root) == expected, f"the root element is {_name(root)}, not {expected}", found)
            _walk_members(member, list(root), member.name, "rest-xml", found)
    elif in_body:
        root = _parse(body, found)
        if root is not None:
            # GetBucketLocation's answer is its one member itself.
            elements = [root] if _name(root) in in_body and len(root) == 0 else list(root)
            _walk_members(shape, elements, shape.name, "rest-xml", found, only=in_body)
    elif body.strip():
        found.append(f"a body where the model has none: {body[:80]!r}")


def _walk_members(shape, elements, path, protocol, found, only=None):
    """The child elements of a structure."""
    members = shape.members if only is None else only
    by_wire_name = {_wire_name(name, member): (name, member) for name, member in members.items()}
    groups = {}
    for element in elements:
        groups.setdefault(_name(element), []).append(element)
    for wire_name, group in groups.items():
        known = by_wire_name.get(wire_name)
        if known is None:
            _expect(f"{shape.name}.{wire_name}" in KNOWN_TO_SEND, f"{path} has the unknown member {wire_name}", found)
            continue
        name, member = known
        flat = member.type_name in ("list", "map") and member.serialization.get("flattened")
        if flat:
            for element in group:
                _walk_xml(member.member if member.type_name == "list" else member, element, f"{path}.{name}", protocol, found)
            continue
        _expect(len(group) == 1, f"{path}.{name} is there {len(group)} times", found)
        _walk_xml(member, group[0], f"{path}.{name}", protocol, found)
    for name in shape.required_members:
        if name in members and _wire_name(name, members[name]) not in groups:
            found.append(f"{path} lacks the required member {name}")


def _walk_xml(shape, element, path, protocol, found):
    if shape.type_name == "structure":
        attributes = {m.serialization["name"] for m in shape.members.values() if m.serialization.get("xmlAttribute")}
        elements = {n: m for n, m in shape.members.items() if not m.serialization.get("xmlAttribute")}
        _walk_members(shape, list(element), path, protocol, found, only=elements if attributes else None)
        _expect(not (element.text or "").strip(), f"{path} is a structure with the text {element.text!r}", found)
    elif shape.type_name == "list":
        item = shape.member.serialization.get("name", "item" if protocol == "ec2" else "member")
        for child in element:
            _expect(_name(child) == item, f"{path} has an element {_name(child)}, not {item}", found)
            _walk_xml(shape.member, child, f"{path}[]", protocol, found)
    elif shape.type_name == "map":
        _walk_xml_map(shape, element, path, protocol, found)
    else:
        _expect(len(element) == 0, f"{path} has elements where it should have text", found)
        _scalar(shape, element.text or "", path, shape.serialization.get("timestampFormat", "iso8601"), found)


def _walk_xml_map(shape, element, path, protocol, found):
    key, value = shape.key.serialization.get("name", "key"), shape.value.serialization.get("name", "value")
    entries = [element] if shape.serialization.get("flattened") else list(element)
    for entry in entries:
        names = [_name(child) for child in entry]
        _expect(names == [key, value], f"{path} has an entry of {names}", found)
        for child in entry:
            _walk_xml(shape.key if _name(child) == key else shape.value, child, f"{path}{{}}", protocol, found)


def _walk_json(shape, value, path, found):
    if value is None:
        found.append(f"{path} is null")
    elif shape.type_name == "structure":
        if not isinstance(value, dict):
            found.append(f"{path} is no structure")
            return
        by_wire_name = {_wire_name(name, member): member for name, member in shape.members.items()}
        for name, inner in value.items():
            if name not in by_wire_name:
                found.append(f"{path} has the unknown member {name}")
            else:
                _walk_json(by_wire_name[name], inner, f"{path}.{name}", found)
        for name in shape.required_members:
            _expect(_wire_name(name, shape.members[name]) in value, f"{path} lacks the required member {name}", found)
        if getattr(shape, "is_tagged_union", False):
            _expect(len(value) == 1, f"{path} is a union with {sorted(value)}", found)
    elif shape.type_name == "list":
        if _expect(isinstance(value, list), f"{path} is no list", found):
            for inner in value:
                _walk_json(shape.member, inner, f"{path}[]", found)
    elif shape.type_name == "map":
        if _expect(isinstance(value, dict), f"{path} is no map", found):
            for key, inner in value.items():
                _scalar(shape.key, key, f"{path}.key", None, found)
                _walk_json(shape.value, inner, f"{path}.{key}", found)
    else:
        _json_scalar(shape, value, path, found)


def _once(pairs, found):
    """An object of JSON, whose parsers keep only the last of members with one name."""
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        found.extend(f"{name} is there more than once" for name in value if names.count(name) > 1)
    return value


def _json_scalar(shape, value, path, found):
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    kind = shape.type_name
    fits = {
        "string": isinstance(value, str),
        "boolean": isinstance(value, bool),
        "integer": number and isinstance(value, int),
        "long": number and isinstance(value, int),
        "float": number,
        "double": number,
        "timestamp": number or hasattr(value, "timestamp"),
        "blob": isinstance(value, (str, bytes)),
    }
    if _expect(fits.get(kind, False), f"{path} is no {kind}: {value!r}", found) and kind == "string":
        _enum(shape, value, path, found)


def _scalar(shape, text, path, timestamp_format, found):
    kind = shape.type_name
    if kind == "string":
        _enum(shape, text, path, found)
        return
    patterns = {"integer": WHOLE, "long": WHOLE, "float": DECIMAL, "double": DECIMAL, "boolean": re.compile("true|false")}
    if kind == "timestamp":
        expected = {"iso8601": ISO_8601, "rfc822": RFC_822}.get(timestamp_format, DECIMAL)
    elif kind == "blob":
        try:
            base64.b64decode(text, validate=True)
        except ValueError:
            found.append(f"{path} is not base64")
        return
    else:
        expected = patterns[kind]
    _expect(expected.fullmatch(text.strip()) is not None, f"{path} is no {kind}: {text!r}", found)


def _enum(shape, text, path, found):
    if getattr(shape, "enum", None):
        values = [value.upper() for value in shape.enum] if shape.name in SENT_IN_CAPITALS else shape.enum
        values = OTHER_VALUES.get(path, list(values) + SENT_TOO.get(shape.name, []))
        _expect(text in values, f"{path} is {text!r}, which is none of {sorted(values)[:12]}", found)


def _check_error(operation, protocol, status, headers, body, found):
    """An error's frame: what a client needs to know its code by."""
    if not body.strip():
        # HEAD has no body, and a 304 has none.
        return
    if protocol == "json":
        error = json.loads(body)
        _expect("__type" in error, "the error has no __type", found)
        _expect("message" in error or "Message" in error, "the error has no message", found)
        return
    if protocol == "smithy-rpc-v2-cbor":
        _expect("__type" in _cbor(body), "the error has no __type", found)
        return
    root = _parse(body, found)
    if root is None:
        return
    names = {_name(element) for element in root.iter()}
    for needed in ("Code", "Message"):
        _expect(needed in names, f"the error has no {needed}", found)
    expected = {"query": "ErrorResponse", "ec2": "Response"}.get(protocol)
    if operation.service_model.service_id == "S3":
        expected = "Error"
    if operation.service_model.service_id in ("CloudFront", "Route 53"):
        expected = "ErrorResponse"
    _expect(_name(root) == expected, f"the error's root is {_name(root)}", found)


def _check_request_id(protocol, status, headers, body, found):
    """The id in the header, which is the one that a client reports, is the one in the body."""
    in_header = headers.get("x-amzn-requestid") or headers.get("x-amz-request-id")
    if not _expect(bool(in_header), "there is no request id in the headers", found):
        return
    in_body = protocol in ("query", "ec2") or (protocol == "rest-xml" and status >= 300 and body.strip())
    if in_body:
        root = _parse(body, found)
        ids = [element.text for element in root.iter() if _name(element).lower() == "requestid"] if root is not None else []
        _expect(in_header in ids, f"the header's request id {in_header} is not in the body: {ids}", found)


def _wire_name(name, member):
    flat = member.type_name == "list" and member.serialization.get("flattened")
    if flat and "name" in member.member.serialization:
        return member.member.serialization["name"]
    return member.serialization.get("name", name)


def _name(element):
    return element.tag.rsplit("}", 1)[-1]


def _parse(body, found):
    try:
        return ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        found.append(f"the body is no XML ({error}): {body[:80]!r}")
        return None


def _cbor(body):
    from botocore.parsers import RpcV2CBORParser

    reader = RpcV2CBORParser()
    return reader.parse_data_item(io.BufferedReader(io.BytesIO(body))) if body else {}


def _expect(holds, otherwise, found):
    if not holds:
        found.append(otherwise)
    return holds
