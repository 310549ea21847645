def check(name, spec): pass
