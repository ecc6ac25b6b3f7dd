"""The AsyncAPI document: what goes over sockets and in server-sent events, of all contracts, made from their OpenAPI documents.

messages    what an operation of OpenAPI says of frames, and the schemas that they need, as AsyncAPI has them
documents   all of them in one document, and how it is served
"""
