"""S3 as Beanstalk's clients use it: conditional writes, versions, copies, parts, owners."""

import io
import json
import urllib.error
import urllib.request

import boto3
import botocore.config

from account import Case, aws, client

BUCKET = "conformance-storage"
OURS, THEIRS = "123456789012", "999999999999"


class Storage(Case):
    @classmethod
    def setUpClass(cls):
        cls.s3 = client("s3")
        cls.s3.create_bucket(Bucket=BUCKET)

    def put(self, key, body=b"x", **more):
        return self.s3.put_object(Bucket=BUCKET, Key=key, Body=body, **more)

    def get(self, key, **more):
        return self.s3.get_object(Bucket=BUCKET, Key=key, **more)["Body"].read()

    def test_a_lock_is_taken_once_renewed_by_its_holder_and_stolen_by_its_etag(self):
        first = self.put("lock", b"one", IfNoneMatch="*")["ETag"]
        self.refuses("PreconditionFailed", self.put, "lock", b"two", IfNoneMatch="*")
        renewed = self.put("lock", b"two", IfMatch=first)["ETag"]
        self.refuses("PreconditionFailed", self.put, "lock", b"three", IfMatch=first)
        self.assertEqual(b"two", self.get("lock"))
        self.s3.delete_object(Bucket=BUCKET, Key="lock")
        self.refuses("NoSuchKey", self.put, "lock", b"four", IfMatch=renewed)

    def test_a_delete_can_depend_on_what_is_there(self):
        etag = self.put("precious", b"one")["ETag"]
        self.put("precious", b"two")
        self.refuses("PreconditionFailed", self.s3.delete_object, Bucket=BUCKET, Key="precious", IfMatch=etag)
        self.assertEqual(b"two", self.get("precious"))

    def test_reads_can_depend_on_what_is_there(self):
        etag = self.put("read", b"one")["ETag"]
        self.refuses("304", self.s3.get_object, Bucket=BUCKET, Key="read", IfNoneMatch=etag)
        self.refuses("PreconditionFailed", self.s3.get_object, Bucket=BUCKET, Key="read", IfMatch='"other"')

    def test_keys_may_hold_what_urls_may_not(self):
        for key in ("a b+c&d=e.txt", "100%.txt", "(1)/'2'/!*.txt"):
            with self.subTest(key=key):
                self.put(key, key.encode())
                self.assertEqual(key.encode(), self.get(key))
                listed = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=key)
                self.assertEqual([key], [one["Key"] for one in listed["Contents"]])
                self.s3.delete_object(Bucket=BUCKET, Key=key)
                self.refuses("NoSuchKey", self.s3.get_object, Bucket=BUCKET, Key=key)

    def test_a_key_of_more_than_1024_bytes_is_refused(self):
        self.refuses("KeyTooLongError", self.put, "k" * 1025)

    def test_keys_are_of_any_language_and_up_to_1024_bytes_long(self):
        longest = "l/" + "k" * 1020 + "é"
        self.assertEqual(1024, len(longest.encode()))
        for key in ("l/straße.txt", "l/日本語", "l/a+b c&d=%20", longest):
            with self.subTest(key=key):
                self.put(key)
                self.assertEqual(b"x", self.get(key))
                self.s3.head_object(Bucket=BUCKET, Key=key)
                found = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=key)
                self.assertEqual([key], [one["Key"] for one in found["Contents"]])
        self.s3.copy_object(Bucket=BUCKET, Key="l/ß", CopySource={"Bucket": BUCKET, "Key": "l/straße.txt"})
        found = [one["Key"] for one in self.s3.list_objects_v2(Bucket=BUCKET, Prefix="l/")["Contents"]]
        self.assertEqual(sorted(found, key=str.encode), found)
        gone = self.s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key} for key in found]})
        self.assertEqual(set(found), {one["Key"] for one in gone["Deleted"]})
        self.assertNotIn("Contents", self.s3.list_objects_v2(Bucket=BUCKET, Prefix="l/"))

    def test_a_bucket_is_made_where_the_request_goes(self):
        self.refuses("IllegalLocationConstraintException", self.s3.create_bucket, Bucket="elsewhere",
                     CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})

    def test_a_bucket_of_another_region_is_where_its_answer_says(self):
        far = {"LocationConstraint": "eu-west-1"}
        there = client("s3", "eu-west-1")
        there.create_bucket(Bucket="conformance-far", CreateBucketConfiguration=far)
        there.put_object(Bucket="conformance-far", Key="v.zip", Body=b"far")
        signer = boto3.client("s3", config=botocore.config.Config(signature_version="s3v4"))
        url = signer.generate_presigned_url("get_object", Params={"Bucket": "conformance-far", "Key": "v.zip"})
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(url)
        with caught.exception as answer:
            self.assertEqual((301, "eu-west-1"), (answer.code, answer.headers["x-amz-bucket-region"]))
            self.assertIn(b"<Code>PermanentRedirect</Code>", answer.read())
        # boto3 and the CLI go there by themselves.
        self.assertEqual(b"far", self.s3.get_object(Bucket="conformance-far", Key="v.zip")["Body"].read())
        self.s3.put_object(Bucket="conformance-far", Key="two", Body=b"2")
        self.assertEqual("eu-west-1", self.s3.head_bucket(Bucket="conformance-far")["BucketRegion"])
        self.assertEqual("eu-west-1", self.s3.get_bucket_location(Bucket="conformance-far")["LocationConstraint"])
        listed = aws("s3api", "list-objects-v2", "--bucket", "conformance-far", "--region", "ap-south-1")
        self.assertEqual(["two", "v.zip"], [one["Key"] for one in listed["Contents"]])
        # Beanstalk does not: a version is of its application's region.
        beanstalk = client("elasticbeanstalk")
        beanstalk.create_application(ApplicationName="near")
        bundle = {"S3Bucket": "conformance-far", "S3Key": "v.zip"}
        self.refuses("S3LocationNotInServiceRegionException", beanstalk.create_application_version,
                     ApplicationName="near", VersionLabel="one", SourceBundle=bundle)

    def test_beanstalks_bucket_is_not_deleted_before_its_policy_is(self):
        beanstalk = client("elasticbeanstalk", "eu-west-1")
        s3 = client("s3", "eu-west-1")
        bucket = {"Bucket": beanstalk.create_storage_location()["S3Bucket"]}
        s3.put_object(**bucket, Key="k", Body=b"x")
        self.refuses("AccessDenied", s3.delete_bucket, **bucket)
        denial = json.loads(s3.get_bucket_policy(**bucket)["Policy"])["Statement"][-1]
        self.assertEqual(("Deny", "s3:DeleteBucket"), (denial["Effect"], denial["Action"]))
        s3.delete_bucket_policy(**bucket)
        self.refuses("BucketNotEmpty", s3.delete_bucket, **bucket)
        s3.delete_object(**bucket, Key="k")
        s3.delete_bucket(**bucket)
        self.refuses("404", s3.head_bucket, **bucket)
        # It is made again as it was.
        self.assertEqual(bucket["Bucket"], beanstalk.create_storage_location()["S3Bucket"])
        self.refuses("AccessDenied", s3.delete_bucket, **bucket)

    def test_versions_are_kept_where_the_bucket_says_so(self):
        bucket = {"Bucket": "conformance-versions"}
        self.s3.create_bucket(**bucket)
        self.assertNotIn("Status", self.s3.get_bucket_versioning(**bucket))
        self.s3.put_bucket_versioning(**bucket, VersioningConfiguration={"Status": "Enabled"})
        one = self.s3.put_object(**bucket, Key="k", Body=b"one")["VersionId"]
        two = self.s3.put_object(**bucket, Key="k", Body=b"two")["VersionId"]
        self.assertNotEqual(one, two)
        self.assertEqual(b"one", self.s3.get_object(**bucket, Key="k", VersionId=one)["Body"].read())
        marker = self.s3.delete_object(**bucket, Key="k")
        self.assertTrue(marker["DeleteMarker"])
        self.refuses("NoSuchKey", self.s3.get_object, **bucket, Key="k")
        versions = self.s3.list_object_versions(**bucket)
        self.assertEqual([two, one], [version["VersionId"] for version in versions["Versions"]])
        self.assertEqual(1, len(versions["DeleteMarkers"]))
        self.refuses("BucketNotEmpty", self.s3.delete_bucket, **bucket)
        # A delete marker counts as absent.
        self.s3.put_object(**bucket, Key="k", Body=b"three", IfNoneMatch="*")
        for version in [*versions["Versions"], *versions["DeleteMarkers"]]:
            self.s3.delete_object(**bucket, Key="k", VersionId=version["VersionId"])
        self.assertEqual(b"three", self.s3.get_object(**bucket, Key="k")["Body"].read())

    def test_an_upload_in_parts_is_one_object(self):
        begun = self.s3.create_multipart_upload(Bucket=BUCKET, Key="large")
        upload = {"Bucket": BUCKET, "Key": "large", "UploadId": begun["UploadId"]}
        parts = []
        for number, body in ((1, b"a" * 5 * 1024 * 1024), (2, b"b")):
            etag = self.s3.upload_part(**upload, PartNumber=number, Body=body)["ETag"]
            parts.append({"PartNumber": number, "ETag": etag})
        self.assertEqual(2, len(self.s3.list_parts(**upload)["Parts"]))
        self.assertEqual(1, len(self.s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"]))
        self.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
        head = self.s3.head_object(Bucket=BUCKET, Key="large")
        self.assertEqual(5 * 1024 * 1024 + 1, head["ContentLength"])
        self.assertEqual(b"ab", self.get("large", Range="bytes=5242879-"))

    def test_files_go_up_and_down_as_boto3_sends_them(self):
        self.s3.upload_fileobj(io.BytesIO(b"bytes" * 1000), BUCKET, "file", ExtraArgs={"Metadata": {"who": "me"}})
        head = self.s3.head_object(Bucket=BUCKET, Key="file", ExpectedBucketOwner=OURS)
        self.assertEqual({"who": "me"}, head["Metadata"])
        self.s3.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": "file"})
        self.assertEqual(b"bytes" * 1000, self.get("copy"))
        gone = self.s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "copy"}, {"Key": "not there"}]})
        self.assertEqual({"copy", "not there"}, {one["Key"] for one in gone["Deleted"]})

    def test_a_strangers_bucket_is_not_written_to(self):
        self.refuses("AccessDenied", self.put, "secret", ExpectedBucketOwner=THEIRS)
        self.refuses("NoSuchBucket", self.s3.get_object, Bucket="conformance-nobody", Key="k")
        self.refuses("404", self.s3.head_object, Bucket=BUCKET, Key="nothing")

    def test_lists_come_in_pages_and_folders(self):
        for key in ("p/1/a", "p/1/b", "p/2/a", "p/z"):
            self.put(key)
        found = self.s3.list_objects_v2(Bucket=BUCKET, Prefix="p/", Delimiter="/")
        self.assertEqual(["p/1/", "p/2/"], [one["Prefix"] for one in found["CommonPrefixes"]])
        self.assertEqual(["p/z"], [one["Key"] for one in found["Contents"]])
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="p/",
                                                                 PaginationConfig={"PageSize": 3})
        self.assertEqual([3, 1], [page["KeyCount"] for page in pages])
        self.s3.list_objects(Bucket=BUCKET, MaxKeys=2)

    def test_buckets_have_tags_policies_and_places(self):
        self.s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": [{"Key": "a", "Value": "1"}]})
        self.assertEqual([{"Key": "a", "Value": "1"}], self.s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"])
        self.refuses("NoSuchBucketPolicy", self.s3.get_bucket_policy, Bucket=BUCKET)
        self.assertIsNone(self.s3.get_bucket_location(Bucket=BUCKET)["LocationConstraint"])
        self.assertIn(BUCKET, [one["Name"] for one in self.s3.list_buckets()["Buckets"]])
        self.s3.head_bucket(Bucket=BUCKET)
        self.put("tagged", Tagging="a=1")
        self.assertEqual([{"Key": "a", "Value": "1"}], self.s3.get_object_tagging(Bucket=BUCKET, Key="tagged")["TagSet"])
        self.s3.put_object_tagging(Bucket=BUCKET, Key="tagged", Tagging={"TagSet": [{"Key": "b", "Value": "2"}]})
        self.assertEqual([{"Key": "b", "Value": "2"}], self.s3.get_object_tagging(Bucket=BUCKET, Key="tagged")["TagSet"])
        self.s3.delete_object_tagging(Bucket=BUCKET, Key="tagged")
