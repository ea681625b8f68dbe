"""One Metacontroller that behaves as version 4.17.2 does, with its caches and queues.

steps.py       its calls to the API server, as steps between which other things may happen
informers.py   caches that lag behind the store; workqueue.py is client-go's queue
webhook.py     one call of a hook, and the check of its answer
customize.py   related objects: which a customize hook selects, and which parents they enqueue
children.py    children: created, updated and deleted to match an answer
controller.py  the common part of both kinds of controllers
composite.py   CompositeController; decorator.py is DecoratorController
process.py     all controllers of one instance
"""
