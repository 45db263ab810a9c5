// Who this process is.
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

/** Number of this process: a fact for the ledger, never an input of a decision. */
export function systemPid(): number {
  return process.pid
}

/**
 * Where pathledger keeps what belongs to the machine: PATHLEDGER_STATE, else /var/lib/pathledger for root, else pathledger in
 * the user's state folder.
 */
export function systemStateFolder(
  env: Readonly<Record<string, string | undefined>> = process.env,
  uid = process.getuid?.(),
): string {
  const { PATHLEDGER_STATE: given, XDG_STATE_HOME: state } = env
  if (given !== undefined && given !== '') return given
  if (uid === 0) return '/var/lib/pathledger'
  // A relative one is to be ignored, says the XDG specification.
  const folder = state !== undefined && isAbsolute(state) ? state : join(homedir(), '.local', 'state')
  return join(folder, 'pathledger')
}
