// Another program that holds a ledger. Usage: hold-lock.ts FILE WHAT, where WHAT is 'write' (SQLite's write lock, as a backup or
// a shell with an open transaction has it) or 'engine' (an engine has it). Prints 'held', and lets go when its input ends.
import Database from 'better-sqlite3'
import { Multipath } from '../../../../engine/multipath.ts'

const [file = '', what = ''] = process.argv.slice(2)
const letGo = what === 'engine' ? await asEngine() : asWriter()
process.stdout.write('held\n')
process.stdin.resume()
process.stdin.on('end', letGo)

function asWriter(): () => unknown {
  const db = new Database(file)
  db.exec('BEGIN IMMEDIATE')
  return () => {
    db.close()
  }
}

async function asEngine(): Promise<() => unknown> {
  const mp = await Multipath.open({ ledger: file, multipath: 'always' })
  return () => mp.close()
}
