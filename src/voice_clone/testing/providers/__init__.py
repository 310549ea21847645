"""How each provider behaves beyond its spec: `Mocked` in the module of its name, one method an operation id."""
