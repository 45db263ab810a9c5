// Who is at the other end of a Unix socket: the kernel says so, the peer cannot.
import type { Socket } from 'node:net'
import koffi from 'koffi'

const SOL_SOCKET = 1
const SO_PEERCRED = 17
/** struct ucred: pid, uid, gid, 32 bits each. */
const UCRED_BYTES = 12
const UID_AT = 4

/** Looked up once: what koffi makes for a function stays, and anybody who may connect could have it made again and again. */
const getsockopt =
  process.platform === 'linux'
    ? koffi.load(null).func('int getsockopt(int fd, int level, int option, void *value, void *length)')
    : null

/** The uid of the peer, or null where the platform does not say. */
export function peerUid(socket: Socket): number | null {
  const { _handle } = socket as unknown as { _handle?: { fd?: number } | null }
  const fd = _handle?.fd
  if (fd === undefined || fd < 0 || getsockopt === null) return null
  const credentials = Buffer.alloc(UCRED_BYTES)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(UCRED_BYTES)
  return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, length) === 0
    ? credentials.readUInt32LE(UID_AT)
    : null
}
