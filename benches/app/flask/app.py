"""The same form as the article would run it: Flask and boto3 under gunicorn, as Beanstalk's Python platform starts it."""

import datetime
import os

import boto3
from flask import Flask, request

app = Flask(__name__)
table = boto3.resource("dynamodb", region_name=os.environ["AWS_REGION"]).Table("users")


@app.post("/register")
def register():
    email = request.get_json()["email"].strip().lower()
    if "@" not in email:
        return {"status": "invalid"}, 400
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")
    try:
        table.put_item(
            Item={"email": email, "registered_at": now},
            ConditionExpression="attribute_not_exists(#key)",
            ExpressionAttributeNames={"#key": "email"},
        )
    except table.meta.client.exceptions.ConditionalCheckFailedException:
        pass
    return {"status": "registered"}, 201
