// What both scripts need: the order comes as one line of JSON, each address to open is a line, each callback another.
import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

async function line() {
  const { value, done } = await lines.next()
  if (done) throw new Error('nobody answers')
  return value
}

export const order = JSON.parse(await line())

/** Lets the person open the address; gives the URL with which the browser comes back. */
export async function open(address) {
  console.log(`OPEN ${address.href}`)
  return new URL(await line())
}

/** What an attempt fails with: the server's error, or the library's own code. */
export async function failure(attempt) {
  try {
    await attempt()
  } catch (error) {
    return error.error ?? error.cause?.error ?? error.code ?? error.message
  }
  return 'no failure'
}

export function changed(url, name, value) {
  const other = new URL(url)
  other.searchParams.set(name, value)
  return other
}

export function done(findings) {
  console.log(`DONE ${JSON.stringify(findings)}`)
  process.exit(0)
}
