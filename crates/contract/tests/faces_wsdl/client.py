"""A SOAP library that knows only the WSDL: prints the envelope that it would send for each call."""
import json
import sys

import zeep
from lxml import etree

client = zeep.Client(sys.argv[1])
calls = json.load(open(sys.argv[2]))
for name, arguments in calls:
    message = client.create_message(client.service, name, **arguments)
    print(etree.tostring(message, encoding="unicode"))
