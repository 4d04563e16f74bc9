// openid-client v6, with every check that it offers.
import * as client from 'openid-client'
import { changed, done, failure, open, order } from './shared.mjs'

const { issuer, client_id, secret, callback, scope, algorithm } = order
const METHODS = {
  basic: () => client.ClientSecretBasic(secret),
  post: () => client.ClientSecretPost(secret),
  none: () => client.None(),
}
const options = { algorithm, execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] }
// With the secret alone the library chooses the method by itself.
const [metadata, method] = client_id === 'default' ? [secret, undefined] : [undefined, METHODS[client_id]()]
const config = await client.discovery(new URL(issuer), client_id, metadata, method, options)

async function begin(more = {}) {
  const pkceCodeVerifier = client.randomPKCECodeVerifier()
  const checks = { pkceCodeVerifier, expectedState: client.randomState(), expectedNonce: client.randomNonce(), idTokenExpected: true }
  const address = client.buildAuthorizationUrl(config, {
    redirect_uri: callback,
    scope,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    ...more,
  })
  return { checks, back: await open(address) }
}

const findings = { metadata: config.serverMetadata().issuer === issuer, pkce: config.serverMetadata().supportsPKCE() }

const { checks, back } = await begin()
findings.state = await failure(() => client.authorizationCodeGrant(config, back, { ...checks, expectedState: 'another' }))
findings.iss = await failure(() => client.authorizationCodeGrant(config, changed(back, 'iss', 'https://elsewhere.example'), checks))
const tokens = await client.authorizationCodeGrant(config, back, checks)
const claims = tokens.claims()
findings.claims = { iss: claims.iss === issuer, aud: claims.aud }
findings.scope = tokens.scope
const person = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
findings.person = [person.preferred_username, person.name, person.email, person.email_verified, person.role]
findings.other_subject = await failure(() => client.fetchUserInfo(config, tokens.access_token, 'somebody else'))

const newer = await client.refreshTokenGrant(config, tokens.refresh_token)
findings.refreshed = newer.access_token !== tokens.access_token && newer.scope === scope
if (client_id !== 'none') {
  const told = await client.tokenIntrospection(config, newer.access_token)
  findings.introspection = [told.active, told.username, told.client_id]
}
await client.tokenRevocation(config, newer.refresh_token)
if (client_id !== 'none') findings.introspected = (await client.tokenIntrospection(config, newer.access_token)).active
findings.revoked = await failure(() => client.refreshTokenGrant(config, newer.refresh_token))
findings.after = await failure(() => client.fetchUserInfo(config, newer.access_token, claims.sub))

// Of a public client on loopback the person is asked each time (RFC 8252 §8.6).
const again = await begin(client_id === 'none' ? {} : { prompt: 'none' })
const wrongNonce = { ...again.checks, expectedNonce: 'another' }
findings.nonce = await failure(() => client.authorizationCodeGrant(config, again.back, wrongNonce))
findings.code_twice = await failure(() => client.authorizationCodeGrant(config, again.back, again.checks))

const fresh = await begin({ max_age: '600' })
const aged = await client.authorizationCodeGrant(config, fresh.back, { ...fresh.checks, maxAge: 600 })
findings.auth_time = typeof aged.claims().auth_time
await client.refreshTokenGrant(config, aged.refresh_token)
findings.refresh_twice = await failure(() => client.refreshTokenGrant(config, aged.refresh_token))
done(findings)
