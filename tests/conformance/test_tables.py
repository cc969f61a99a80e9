"""DynamoDB as an app and its operators use it: conditional puts, pages, capacity, protection, recovery, time to live."""

import time

from account import Case, client, until

TABLE = "people"
ATTRIBUTES = [{"AttributeName": "email", "AttributeType": "S"}]
SCHEMA = [{"AttributeName": "email", "KeyType": "HASH"}]
NEW = {"ConditionExpression": "attribute_not_exists(email)"}


def item(number, **more):
    return {"email": {"S": f"person-{number}@example.com"}, **more}


class Tables(Case):
    def setUp(self):
        self.dynamodb = client("dynamodb")

    def make(self, name, **more):
        made = self.dynamodb.create_table(TableName=name, AttributeDefinitions=ATTRIBUTES, KeySchema=SCHEMA,
                                          **{"BillingMode": "PAY_PER_REQUEST", **more})
        return made["TableDescription"]

    def active(self, name):
        describe = self.dynamodb.describe_table
        return until(name, lambda: describe(TableName=name)["Table"]["TableStatus"] == "ACTIVE")

    def test_a_table_has_a_life(self):
        made = self.make("life")
        self.assertEqual("CREATING", made["TableStatus"])
        self.assertEqual(0, made["ItemCount"])
        self.refuses("ResourceInUseException", self.dynamodb.delete_table, TableName="life")
        self.refuses("ResourceNotFoundException", self.dynamodb.put_item, TableName="life", Item=item(1))
        self.active("life")
        self.refuses("ResourceInUseException", self.make, "life")
        gone = self.dynamodb.delete_table(TableName="life")["TableDescription"]
        self.assertEqual("DELETING", gone["TableStatus"])
        self.refuses("ResourceInUseException", self.make, "life")

        def listed():
            return "life" in self.dynamodb.list_tables()["TableNames"]

        until("no table", lambda: not listed())
        self.refuses("ResourceNotFoundException", self.dynamodb.describe_table, TableName="life")

    def test_without_a_billing_mode_throughput_is_asked_for(self):
        create = {"TableName": "bare", "AttributeDefinitions": ATTRIBUTES, "KeySchema": SCHEMA}
        self.refuses("ValidationException", self.dynamodb.create_table, **create)
        self.dynamodb.create_table(**create, ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1})
        self.active("bare")
        table = self.dynamodb.describe_table(TableName="bare")["Table"]
        self.assertEqual(1, table["ProvisionedThroughput"]["WriteCapacityUnits"])
        self.dynamodb.update_table(TableName="bare", BillingMode="PAY_PER_REQUEST")
        self.active("bare")
        table = self.dynamodb.describe_table(TableName="bare")["Table"]
        self.assertEqual("PAY_PER_REQUEST", table["BillingModeSummary"]["BillingMode"])

    def test_a_table_is_warmed_up_and_never_cooled_down(self):
        made = self.make("warm", WarmThroughput={"WriteUnitsPerSecond": 5000})
        self.assertEqual((12_000, 5000), (made["WarmThroughput"]["ReadUnitsPerSecond"],
                                          made["WarmThroughput"]["WriteUnitsPerSecond"]))
        self.active("warm")
        self.dynamodb.update_table(TableName="warm", WarmThroughput={"WriteUnitsPerSecond": 8000})
        warm = self.dynamodb.describe_table(TableName="warm")["Table"]["WarmThroughput"]
        self.assertEqual((8000, "ACTIVE"), (warm["WriteUnitsPerSecond"], warm["Status"]))
        self.refuses("ValidationException", self.dynamodb.update_table, TableName="warm",
                     WarmThroughput={"WriteUnitsPerSecond": 4000})

    def test_a_second_registration_gets_the_first_one_back(self):
        self.make("once")
        self.active("once")
        put = {"TableName": "once", **NEW, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        made = self.dynamodb.put_item(**put, Item=item(1, request={"S": "a"}), ReturnConsumedCapacity="TOTAL")
        self.assertEqual({"TableName": "once", "CapacityUnits": 1.0}, made["ConsumedCapacity"])
        with self.assertRaises(self.dynamodb.exceptions.ConditionalCheckFailedException) as failed:
            self.dynamodb.put_item(**put, Item=item(1, request={"S": "b"}))
        self.assertEqual("a", failed.exception.response["Item"]["request"]["S"])
        kept = self.dynamodb.get_item(TableName="once", Key=item(1), ConsistentRead=True, ReturnConsumedCapacity="TOTAL")
        self.assertEqual("a", kept["Item"]["request"]["S"])
        self.assertEqual(1.0, kept["ConsumedCapacity"]["CapacityUnits"])

    def test_a_request_is_held_against_the_rules_of_expressions_and_keys(self):
        self.make("strict")
        self.active("strict")
        put, update, code = self.dynamodb.put_item, self.dynamodb.update_item, "ValidationException"
        of = {"TableName": "strict", "Key": item(1)}
        one = {"ExpressionAttributeValues": {":v": {"S": "v"}}}
        self.refuses(code, update, **of, **one, UpdateExpression="SET name = :v", text="Invalid UpdateExpression: Attribute "
                     "name is a reserved keyword; reserved keyword: name")
        update(**of, **one, UpdateExpression="SET #n = :v", ExpressionAttributeNames={"#n": "name"})
        self.refuses(code, update, **of, **one, UpdateExpression="SET #n = :v",
                     ExpressionAttributeNames={"#n": "name", "#o": "other"},
                     text="Value provided in ExpressionAttributeNames unused in expressions: keys: {#o}")
        self.refuses(code, put, TableName="strict", Item=item(2), **NEW, **one,
                     text="Value provided in ExpressionAttributeValues unused in expressions: keys: {:v}")
        self.refuses(code, put, TableName="strict", Item=item(2), **one,
                     text="can only be specified when using expressions: ConditionExpression is null")
        self.refuses(code, put, TableName="strict", Item=item(2), ReturnValues="ALL_NEW",
                     text="ReturnValues can only be ALL_OLD or NONE")
        long = {"email": {"S": "e" * 2049}}
        text = "Size of hashkey has exceeded the maximum size limit of2048 bytes"
        self.refuses(code, put, TableName="strict", Item=long, text=text)
        self.refuses(code, self.dynamodb.get_item, TableName="strict", Key=long, text=text)
        twice = [{"PutRequest": {"Item": item(3)}}, {"DeleteRequest": {"Key": item(3)}}]
        self.refuses(code, self.dynamodb.batch_write_item, RequestItems={"strict": twice},
                     text="Provided list of item keys contains duplicates")
        self.assertEqual(1, self.dynamodb.scan(TableName="strict")["Count"])

    def test_a_scan_comes_in_pages(self):
        self.make("pages")
        self.active("pages")
        people = [{"PutRequest": {"Item": item(number)}} for number in range(25)]
        left = self.dynamodb.batch_write_item(RequestItems={"pages": people})["UnprocessedItems"]
        self.assertEqual({}, left)
        pages = list(self.dynamodb.get_paginator("scan").paginate(TableName="pages", PaginationConfig={"PageSize": 10}))
        self.assertEqual([10, 10, 5], [page["Count"] for page in pages])
        seen = {one["email"]["S"] for page in pages for one in page["Items"]}
        self.assertEqual(25, len(seen))
        # A filter is applied after the page was read: a page may be empty and still not be the last.
        first = self.dynamodb.scan(TableName="pages", Limit=10, FilterExpression="email = :nobody",
                                   ExpressionAttributeValues={":nobody": {"S": "nobody"}})
        self.assertEqual((0, 10), (first["Count"], first["ScannedCount"]))
        self.assertIn("LastEvaluatedKey", first)
        count = self.dynamodb.scan(TableName="pages", Select="COUNT", ReturnConsumedCapacity="TOTAL")
        self.assertEqual(25, count["Count"])
        self.assertNotIn("Items", count)

    def test_items_can_be_changed_and_found(self):
        self.make("items")
        self.active("items")
        self.dynamodb.put_item(TableName="items", Item=item(1, wins={"N": "0"}))
        changed = self.dynamodb.update_item(
            TableName="items", Key=item(1), UpdateExpression="SET wins = wins + :one, #when = :now",
            ExpressionAttributeNames={"#when": "when"}, ReturnValues="ALL_NEW",
            ExpressionAttributeValues={":one": {"N": "1"}, ":now": {"S": "now"}},
        )["Attributes"]
        self.assertEqual(({"N": "1"}, {"S": "now"}), (changed["wins"], changed["when"]))
        found = self.dynamodb.query(TableName="items", KeyConditionExpression="email = :who",
                                    ExpressionAttributeValues={":who": item(1)["email"]})
        self.assertEqual(1, found["Count"])
        gone = self.dynamodb.delete_item(TableName="items", Key=item(1), ReturnValues="ALL_OLD")["Attributes"]
        self.assertEqual({"N": "1"}, gone["wins"])
        self.refuses("ValidationException", self.dynamodb.put_item, TableName="items", Item={"name": {"S": "x"}})
        self.refuses("ValidationException", self.dynamodb.get_item, TableName="items", Key={"name": {"S": "x"}})

    def test_a_protected_table_stays(self):
        self.make("kept", DeletionProtectionEnabled=True)
        self.active("kept")
        self.refuses("ValidationException", self.dynamodb.delete_table, TableName="kept", text="protected")
        changed = self.dynamodb.update_table(TableName="kept", DeletionProtectionEnabled=False)["TableDescription"]
        self.assertFalse(changed["DeletionProtectionEnabled"])
        self.active("kept")
        self.dynamodb.delete_table(TableName="kept")

    def test_recovery_leaves_a_backup_behind(self):
        self.make("recovered")
        self.active("recovered")
        self.dynamodb.update_continuous_backups(
            TableName="recovered",
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 7})
        backups = self.dynamodb.describe_continuous_backups(TableName="recovered")["ContinuousBackupsDescription"]
        recovery = backups["PointInTimeRecoveryDescription"]
        self.assertEqual(("ENABLED", 7), (recovery["PointInTimeRecoveryStatus"], recovery["RecoveryPeriodInDays"]))
        self.refuses("TableNotFoundException", self.dynamodb.describe_continuous_backups, TableName="nobody")

    def test_a_deleted_table_that_could_be_recovered_leaves_all_its_items_for_35_days(self):
        table = self.make("kept")
        self.active("kept")
        self.dynamodb.put_item(TableName="kept", Item=item(1))
        recoverable = {"PointInTimeRecoveryEnabled": True}
        self.dynamodb.update_continuous_backups(TableName="kept", PointInTimeRecoverySpecification=recoverable)
        self.dynamodb.delete_table(TableName="kept")
        until("the table to be gone", lambda: "kept" not in self.dynamodb.list_tables()["TableNames"])
        # Who looks for backups as they are listed by default finds none.
        self.assertEqual([], self.dynamodb.list_backups(TableName="kept")["BackupSummaries"])
        left = self.dynamodb.list_backups(TableName="kept", BackupType="SYSTEM")["BackupSummaries"]
        self.assertEqual(["kept$DeletedTableBackup"], [backup["BackupName"] for backup in left])
        kept = left[0]["BackupExpiryDateTime"] - left[0]["BackupCreationDateTime"]
        self.assertEqual(35, round(kept.total_seconds() / 86400))
        source = self.dynamodb.describe_backup(BackupArn=left[0]["BackupArn"])["BackupDescription"]["SourceTableDetails"]
        self.assertEqual((1, table["TableId"]), (source["ItemCount"], source["TableId"]))
        self.refuses("BackupNotFoundException", self.dynamodb.describe_backup, BackupArn=left[0]["BackupArn"] + "0")
        # Without recovery nothing is left.
        self.make("forgotten")
        self.active("forgotten")
        self.dynamodb.delete_table(TableName="forgotten")
        until("it to be gone", lambda: "forgotten" not in self.dynamodb.list_tables()["TableNames"])
        self.assertEqual([], self.dynamodb.list_backups(TableName="forgotten", BackupType="ALL")["BackupSummaries"])

    def test_time_to_live_is_changed_once_an_hour(self):
        self.make("passing")
        self.active("passing")
        ttl = {"Enabled": True, "AttributeName": "expires"}
        said = self.dynamodb.update_time_to_live(TableName="passing", TimeToLiveSpecification=ttl)
        self.assertEqual(ttl, said["TimeToLiveSpecification"])
        seen = self.dynamodb.describe_time_to_live(TableName="passing")["TimeToLiveDescription"]
        self.assertEqual("expires", seen["AttributeName"])
        self.assertIn(seen["TimeToLiveStatus"], ("ENABLING", "ENABLED"))
        self.refuses("ValidationException", self.dynamodb.update_time_to_live, TableName="passing",
                     TimeToLiveSpecification={**ttl, "Enabled": False}, text="modified multiple times")

    def test_tags_can_be_set_and_taken(self):
        arn = self.make("tagged", Tags=[{"Key": "a", "Value": "1"}])["TableArn"]
        self.active("tagged")
        self.dynamodb.tag_resource(ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}])
        self.dynamodb.untag_resource(ResourceArn=arn, TagKeys=["a"])

        def tags():
            return self.dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"]

        until("tags", lambda: tags() == [{"Key": "b", "Value": "2"}], patience=10)


class Counts(Case):
    """A trap: ItemCount is hours old."""

    def test_who_believes_item_count_deletes_registrations(self):
        dynamodb = client("dynamodb")
        dynamodb.create_table(TableName="counted", AttributeDefinitions=ATTRIBUTES, KeySchema=SCHEMA,
                              BillingMode="PAY_PER_REQUEST")
        describe = dynamodb.describe_table
        until("counted", lambda: describe(TableName="counted")["Table"]["TableStatus"] == "ACTIVE")
        dynamodb.put_item(TableName="counted", Item=item(1))
        time.sleep(0.1)
        self.assertEqual(0, describe(TableName="counted")["Table"]["ItemCount"])
        # The honest way.
        self.assertEqual(1, dynamodb.scan(TableName="counted", Limit=1, ConsistentRead=True)["Count"])
