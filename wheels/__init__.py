"""What Kinolift installs and carries: the lock of every wheel, the environments made from it, and the extension's zip.

Everything here runs before there is an environment, so it imports the standard library and `contract.failure` only.
"""
