"""What Metacontroller 4.17 sends to hooks of version v2, and what it takes as an answer.

bodies.py    the bodies of the calls
decoding.py  bytes to typed values and back
errors.py    what is wrong with a body that was refused
children.py  children that are returned as they came
"""
