"""The machinery behind `labs.sweep`.

Nobody needs to open it to learn about models; `book/engine.md` explains it.

`chunks` cuts the runs that are missing into pieces, `ensemble` turns one network into many,
`trainer` moves them, `traced` writes a step down as a list of operations, `keys` says what
determines a run, `cache` keeps runs on disk under these keys, `shard` shares the work between
processes, `memory` says how much there is, and `sweep` calls them all.
"""
