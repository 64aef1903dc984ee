"""Calls one operation with zeep against a prepared answer: prints the request that zeep made and what it read of the answer."""

import json
import sys

import requests
import zeep

wsdl, port, operation, arguments, answer = sys.argv[1:]


class Prepared(zeep.Transport):
    """Sends nothing."""

    sent = None

    def post(self, address, message, headers):
        self.sent = message
        response = requests.Response()
        response.status_code = 200
        response.headers["Content-Type"] = "text/xml; charset=utf-8"
        response._content = open(answer, "rb").read()
        return response


transport = Prepared()
client = zeep.Client(wsdl, transport=transport)
service = client.bind(list(client.wsdl.services)[0], port)
result = getattr(service, operation)(**json.loads(arguments))
print(json.dumps({"request": transport.sent.decode(), "result": str(result)}))
