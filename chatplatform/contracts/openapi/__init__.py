"""The contracts' OpenAPI documents, made from what the product itself goes by.

describing      what a view says of its operation, and a contract of its document: plain values, no OpenAPI in them
refusals        the errors that a route can answer, by its row in the table
fields          our serializer fields as JSON Schema
route_schema    route, view and contract to one operation of OpenAPI
documents       operations to documents, checked and served
"""
