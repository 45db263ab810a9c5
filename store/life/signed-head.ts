// A signed head: where a ledger ended at some time, kept elsewhere. Who can write the ledger file can rewrite all of it, head
// and hashes included; what they cannot do is sign another end with a key that they do not have.
import { checkArguments, checkFields } from '../../errors/arguments.ts'
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto'
import { appendFileSync, chmodSync, closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { z } from 'zod'
import { messageOf, PathledgerError } from '../../errors.ts'
import { errnoOf, unreachable } from '../file/connection.ts'
import { hex } from '../rows/encoding.ts'
import type { LedgerReader } from '../types.ts'
import { verifyChain } from '../verify/verify.ts'
import { NewFile } from './new-file.ts'

const hashText = z.string().regex(/^[0-9a-f]{64}$/)
const signedHead = z.strictObject({
  kind: z.literal('pathledger signed head'),
  version: z.literal(1),
  /** Hash of the ledger's header: says which ledger it is. */
  ledger: hashText,
  events: z.int().min(1),
  hash: hashText,
  signedAtUs: z.int().min(0),
  /** SHA-256 of the public key, DER. */
  key: hashText,
  /** Ed25519, base64. */
  signature: z.string(),
})

/** Where a ledger ended, signed. */
export type SignedHead = z.infer<typeof signedHead>

/** What a ledger is to a head that was signed earlier. */
export interface HeadCheck {
  /** 'holds': everything up to the signed head is as it was, and the chain goes on from there to its end. */
  readonly verdict:
    'holds' | 'bad signature' | 'other key' | 'other ledger' | 'truncated' | 'rewritten' | 'damaged'
  readonly why: string
  /** Events of the ledger now, and when the head was signed. */
  readonly events: number
  readonly signedEvents: number
}

/** Makes a key pair: the private key in a file for its owner alone, the public one beside it. Throws FILE_EXISTS. */
export function makeKeys(file: string): {
  readonly privateKey: string
  readonly publicKey: string
  readonly key: string
} {
  checkArguments('makeKeys', { file }, { file: 'file' })
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const publicFile = `${file}.pub`
  const made: NewFile[] = []
  try {
    made.push(new NewFile(file))
    made.push(new NewFile(publicFile))
    const texts = [
      privateKey.export({ type: 'pkcs8', format: 'pem' }),
      publicKey.export({ type: 'spki', format: 'pem' }),
    ]
    for (const [index, { partial }] of made.entries()) write(partial, String(texts[index]))
    chmodSync(made[1]?.partial ?? '', 0o644)
    // The public one can be had of the private one, never the other way round.
    for (const one of made) one.take()
  } catch (error) {
    if (!(error instanceof PathledgerError) || error.code === 'FILE_EXISTS') throw error
    throw keyError(file, error.why, error.errno ?? 'EIO')
  } finally {
    for (const one of made) one.abandon()
  }
  return { privateKey: file, publicKey: publicFile, key: fingerprint(publicKey) }
}

/** Signs where a ledger ends now. Throws KEY_INVALID, KEY_PERMISSION (others may read the key) or LEDGER_*. */
export function signHead(reader: LedgerReader, keyFile: string, signedAtUs: number): SignedHead {
  checkArguments('signHead', { reader, keyFile }, { reader: 'reader', keyFile: 'file' })
  const privateKey = readKey(keyFile, 'private')
  const { events, hash } = reader.head()
  const unsigned = {
    kind: 'pathledger signed head' as const,
    version: 1 as const,
    ledger: firstHash(reader),
    events,
    hash: hex(hash),
    signedAtUs,
    key: fingerprint(createPublicKey(privateKey)),
  }
  return { ...unsigned, signature: sign(null, signedText(unsigned), privateKey).toString('base64') }
}

/** Reads a signed head. Throws SIGNED_HEAD_INVALID for text that is none. */
export function parseSignedHead(text: string): SignedHead {
  const parsed = signedHead.safeParse(jsonOrNull(text))
  if (parsed.success) return parsed.data
  throw new PathledgerError('SIGNED_HEAD_INVALID', {
    message: 'This is not a signed head.',
    why: parsed.error.issues
      .map(({ path, message }) => `${path.map(String).join('.')}: ${message}`)
      .join('; '),
    todo: 'Name a file with the output of `pathledger head sign`.',
  })
}

/**
 * Compares a ledger file with a head that was signed earlier and kept elsewhere: sees a lost tail and a file that was
 * rewritten as a whole. Reads all of the ledger. Throws KEY_INVALID or LEDGER_*.
 */
export function checkHead(
  reader: LedgerReader & { readonly file: string },
  head: SignedHead,
  keyFile: string,
): HeadCheck {
  checkArguments('checkHead', { reader, keyFile }, { reader: 'reader', keyFile: 'file' })
  parseSignedHead(JSON.stringify(checkedHead(head)))
  const { events } = reader.head()
  const say = (verdict: HeadCheck['verdict'], why: string): HeadCheck => {
    return { verdict, why, events, signedEvents: head.events }
  }
  const publicKey = readKey(keyFile, 'public')
  if (head.key !== fingerprint(publicKey)) return say('other key', `It was signed with the key ${head.key}.`)
  const { signature, ...unsigned } = head
  if (!verify(null, signedText(unsigned), publicKey, Buffer.from(signature, 'base64'))) {
    return say('bad signature', 'The signature is not of what the head says.')
  }
  if (firstHash(reader) !== head.ledger)
    return say('other ledger', 'The header is not that of the ledger that was signed.')
  if (events < head.events) {
    return say(
      'truncated',
      `It has ${events} events, and had ${head.events}: the last ${head.events - events} are gone.`,
    )
  }
  const [row] = reader.read({ fromPosition: head.events, limit: 1 })
  if (row?.position !== head.events || hex(row.hash) !== head.hash) {
    return say('rewritten', `Position ${head.events} has another hash than the one that was signed.`)
  }
  const chain = verifyChain(reader.file)
  if (chain.firstBad !== null) return say('damaged', chain.why)
  return say('holds', `The first ${head.events} events are those that were signed.`)
}

/** Only what is a signed head can be compared. */
function checkedHead(head: unknown): unknown {
  const texts = { kind: 'text', ledger: 'text', hash: 'text', key: 'text', signature: 'text' } as const
  const counts = { version: 'count', events: 'count', signedAtUs: 'count' } as const
  checkFields('checkHead', 'head', head, { ...texts, ...counts })
  return head
}

function signedText({ ledger, events, hash, signedAtUs, key }: Omit<SignedHead, 'signature'>): Buffer {
  return Buffer.from(`pathledger signed head 1\n${ledger}\n${events}\n${hash}\n${signedAtUs}\n${key}\n`)
}

function firstHash(reader: LedgerReader): string {
  const [first] = reader.read({ limit: 1 })
  return first === undefined ? '' : hex(first.hash)
}

function fingerprint(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex')
}

function readKey(file: string, kind: 'private' | 'public'): KeyObject {
  const pem = readKeyFile(file, kind)
  try {
    const key = kind === 'private' ? createPrivateKey(pem) : createPublicKey(pem)
    if (key.asymmetricKeyType === 'ed25519') return key
  } catch {
    // Told below: what OpenSSL says of it helps nobody.
  }
  throw new PathledgerError('KEY_INVALID', {
    message: `${file} holds no Ed25519 key that is ${kind}.`,
    why: 'Heads are signed with Ed25519, and the key is a PEM file.',
    todo: 'Make one with `pathledger head keygen`.',
    details: { file },
  })
}

function readKeyFile(file: string, kind: 'private' | 'public'): string {
  let fd: number
  try {
    fd = openSync(file, 'r')
  } catch (error) {
    throw keyError(file, `${messageOf(error)}.`, errnoOf(error))
  }
  try {
    const others = fstatSync(fd).mode & 0o077
    if (kind === 'private' && others !== 0) {
      throw keyError(file, 'Others than its owner may read or write it, and could sign with it.', 'EACCES')
    }
    return readFileSync(fd, 'utf8')
  } finally {
    closeSync(fd)
  }
}

function keyError(file: string, why: string, errno: string): PathledgerError {
  return new PathledgerError('KEY_PERMISSION', {
    message: `The key ${file} cannot be used.`,
    why,
    todo: 'Check the name; a private key has mode 0600 (chmod 600).',
    errno,
    details: { file },
  })
}

function write(file: string, text: string): void {
  try {
    appendFileSync(file, text)
  } catch (error) {
    throw unreachable(error, file)
  }
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
