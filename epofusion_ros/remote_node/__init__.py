"""How to start and talk to a running node: for demo, soak and the tests."""
