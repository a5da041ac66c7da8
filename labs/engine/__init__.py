"""The machinery behind `labs.sweep`.

Nobody needs to open it to learn about models; `book/engine.md` explains it. `sweep` calls all.
`work` holds the runs of one task, `cache` keeps runs on disk under `keys`, which say what
determines them. `chunks` cuts what is missing into pieces, `ensemble` turns one network into many,
`trainer` moves them, `traced` writes a step down as a list of operations. `shard` shares the work
between processes, `memory` says how much there is, and `outcome` makes the record.
"""
