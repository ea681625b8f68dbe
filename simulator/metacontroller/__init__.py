"""One Metacontroller, with the caches, queues and habits of version 4.17.2.

steps.py       the calls that it makes, as steps between which other things may happen
informers.py   caches that lag behind the store; workqueue.py is client-go's queue
webhook.py     one call of a hook, and what counts as an answer
customize.py   related objects: what a customize hook asks for, and who is woken by them
children.py    children: created, updated and deleted as an answer says
controller.py  what both kinds of controllers share
composite.py   CompositeController; decorator.py is DecoratorController
process.py     all controllers of one instance
"""
