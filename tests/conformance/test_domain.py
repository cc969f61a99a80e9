"""Certificates, hosted zones and a distribution's own names, as boto3 and the AWS CLI find them."""

import ssl
import socket
import os

from account import Case, aws, client, until

CLOUDFRONT_ZONE = "Z2FDTNDATAQYW2"
POLICY = "658327ea-f89d-4fab-a63d-7e88639e58f6"


def zone(name, reference):
    made = client("route53").create_hosted_zone(Name=name, CallerReference=reference)
    client("route53").get_waiter("resource_record_sets_changed").wait(
        Id=made["ChangeInfo"]["Id"], WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    return made["HostedZone"]["Id"]


def change(zone_id, action, record):
    answer = client("route53").change_resource_record_sets(
        HostedZoneId=zone_id, ChangeBatch={"Changes": [{"Action": action, "ResourceRecordSet": record}]})
    return answer["ChangeInfo"]


def described(arn):
    return client("acm").describe_certificate(CertificateArn=arn)["Certificate"]


def told(arn):
    """The records of a certificate, once it tells them."""
    options = described(arn)["DomainValidationOptions"]
    return all("ResourceRecord" in option for option in options) and [option["ResourceRecord"] for option in options]


def issued(names, zone_id):
    """A certificate that is validated by the zone, as the console would set its records."""
    arn = client("acm").request_certificate(
        DomainName=names[0], SubjectAlternativeNames=names, ValidationMethod="DNS", IdempotencyToken="once",
        Tags=[{"Key": "of", "Value": "conformance"}])["CertificateArn"]
    records = until("the certificate's records", lambda: told(arn))
    for name, value in {(record["Name"], record["Value"]) for record in records}:
        change(zone_id, "UPSERT", {"Name": name, "Type": "CNAME", "TTL": 300, "ResourceRecords": [{"Value": value}]})
    client("acm").get_waiter("certificate_validated").wait(
        CertificateArn=arn, WaiterConfig={"Delay": 1, "MaxAttempts": 100})
    return arn


def configuration(reference, names, arn):
    return {
        "CallerReference": reference, "Comment": "", "Enabled": True,
        "Aliases": {"Quantity": len(names), "Items": names},
        "Origins": {"Quantity": 1, "Items": [{"Id": "o", "DomainName": "example.com", "CustomOriginConfig": {
            "HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "http-only"}}]},
        "DefaultCacheBehavior": {
            "TargetOriginId": "o", "ViewerProtocolPolicy": "redirect-to-https", "CachePolicyId": POLICY},
        "ViewerCertificate": {
            "ACMCertificateArn": arn, "SSLSupportMethod": "sni-only", "MinimumProtocolVersion": "TLSv1.2_2021"},
    }


class Zones(Case):
    def test_records_are_created_replaced_and_deleted_only_as_they_are(self):
        home = zone("records.example", "records")
        record = {"Name": "a.records.example", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}
        made = change(home, "CREATE", record)
        self.assertEqual("PENDING", made["Status"])
        client("route53").get_waiter("resource_record_sets_changed").wait(
            Id=made["Id"], WaiterConfig={"Delay": 1, "MaxAttempts": 60})
        self.refuses("InvalidChangeBatch", lambda: change(home, "CREATE", record))
        self.refuses("InvalidChangeBatch", lambda: change(home, "DELETE", {**record, "TTL": 61}))
        change(home, "UPSERT", {**record, "TTL": 61})
        apex = {"Name": "records.example", "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": "example.com"}]}
        self.refuses("InvalidChangeBatch", lambda: change(home, "CREATE", apex))
        self.refuses("HostedZoneNotEmpty", lambda: client("route53").delete_hosted_zone(Id=home))
        change(home, "DELETE", {**record, "TTL": 61})
        listed = aws("route53", "list-resource-record-sets", "--hosted-zone-id", home)["ResourceRecordSets"]
        self.assertEqual({"NS", "SOA"}, {one["Type"] for one in listed})
        client("route53").delete_hosted_zone(Id=home)

    def test_zones_are_listed_by_name_in_the_order_of_their_labels(self):
        for name in ("order.example", "a.order.example", "other.example"):
            zone(name, f"order {name}")
        listed = client("route53").list_hosted_zones_by_name(DNSName="order.example", MaxItems="2")
        self.assertEqual(["order.example.", "a.order.example."], [one["Name"] for one in listed["HostedZones"]])
        self.assertEqual("other.example.", listed["NextDNSName"])
        names = {one["Name"] for page in client("route53").get_paginator("list_hosted_zones").paginate(
            PaginationConfig={"PageSize": 1}) for one in page["HostedZones"]}
        self.assertLessEqual({"order.example.", "a.order.example.", "other.example."}, names)


class Certificates(Case):
    def test_a_certificate_serves_a_distributions_own_names_and_is_held_by_it(self):
        home = zone("named.example", "named")
        names = ["named.example", "www.named.example"]
        arn = issued(names, home)
        detail = described(arn)
        self.assertEqual(("ISSUED", "RSA-2048"), (detail["Status"], detail["KeyAlgorithm"]))
        again = client("acm").request_certificate(
            DomainName=names[0], ValidationMethod="DNS", IdempotencyToken="once")["CertificateArn"]
        self.assertEqual(arn, again, "a token asks once")
        tags = aws("acm", "list-tags-for-certificate", "--certificate-arn", arn)["Tags"]
        self.assertEqual([{"Key": "of", "Value": "conformance"}], tags)

        cloudfront = client("cloudfront")
        self.refuses("InvalidViewerCertificate", cloudfront.create_distribution,
                     DistributionConfig=configuration("not covered", ["other.example"], arn))
        made = cloudfront.create_distribution(DistributionConfig=configuration("named", names, arn))["Distribution"]
        self.refuses("CNAMEAlreadyExists", cloudfront.create_distribution,
                     DistributionConfig=configuration("taken", names[1:], arn))
        self.assertEqual([made["ARN"]], described(arn)["InUseBy"])
        self.refuses("ResourceInUseException", client("acm").delete_certificate, CertificateArn=arn)
        alias = {"Name": "named.example", "Type": "A", "AliasTarget": {
            "HostedZoneId": CLOUDFRONT_ZONE, "DNSName": made["DomainName"], "EvaluateTargetHealth": False}}
        change(home, "CREATE", alias)
        cloudfront.get_waiter("distribution_deployed").wait(
            Id=made["Id"], WaiterConfig={"Delay": 1, "MaxAttempts": 100})
        self.assertEqual({("DNS", name) for name in names}, self.shown_for("named.example"))

        change(home, "DELETE", alias)
        read = cloudfront.get_distribution_config(Id=made["Id"])
        config = {**read["DistributionConfig"], "Enabled": False}
        cloudfront.update_distribution(Id=made["Id"], IfMatch=read["ETag"], DistributionConfig=config)
        cloudfront.get_waiter("distribution_deployed").wait(
            Id=made["Id"], WaiterConfig={"Delay": 1, "MaxAttempts": 100})
        cloudfront.delete_distribution(Id=made["Id"], IfMatch=cloudfront.get_distribution(Id=made["Id"])["ETag"])

        def free():
            try:
                client("acm").delete_certificate(CertificateArn=arn)
                return True
            except client("acm").exceptions.ResourceInUseException:
                return False
        until("ACM to know that nothing uses it", free)
        self.refuses("ResourceNotFoundException", client("acm").describe_certificate, CertificateArn=arn)

    def shown_for(self, name):
        """The names of the certificate that the edge shows, by one who trusts the sandbox's authority."""
        host, port = os.environ["AWS_ENDPOINT_URL"].split("//")[1].split(":")
        trusting = ssl.create_default_context(cafile=os.environ["CONFCTL_SANDBOX_CA"])
        with socket.create_connection((host, int(port))) as plain:
            with trusting.wrap_socket(plain, server_hostname=name) as secure:
                return set(secure.getpeercert()["subjectAltName"])

    def test_a_list_without_key_types_leaves_out_what_is_not_rsa_2048(self):
        acm = client("acm")
        arn = acm.request_certificate(
            DomainName="keys.example", ValidationMethod="DNS", KeyAlgorithm="EC_prime256v1")["CertificateArn"]

        def listed(**asked):
            return {one["CertificateArn"] for one in acm.list_certificates(**asked)["CertificateSummaryList"]}
        self.assertNotIn(arn, listed())
        self.assertIn(arn, listed(Includes={"keyTypes": ["EC_prime256v1"]}))
        acm.delete_certificate(CertificateArn=arn)
