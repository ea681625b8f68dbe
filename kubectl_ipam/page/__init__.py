"""The web page of `kubectl ipam serve`: on this machine, for one user, and only for reading.

server     HTTP on the loopback interface
guard      which calls are answered: those of the page itself, and none of another site's
reading    the snapshot that is shown, read again when it is old
answers    what the page asks for, as plain data
static     the page: one document, one script, one style sheet, and nothing from elsewhere
"""
