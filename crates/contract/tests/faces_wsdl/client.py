"""A SOAP library that knows only the WSDL: prints the body that it would send for each call, and the prefix-free names it understood."""
import json
import sys

import zeep
from lxml import etree

client = zeep.Client(sys.argv[1])
calls = json.load(open(sys.argv[2]))
for name, arguments in calls:
    message = client.create_message(client.service, name, **arguments)
    body = message.find("{http://schemas.xmlsoap.org/soap/envelope/}Body")
    print(etree.tostring(body[0], encoding="unicode"))
