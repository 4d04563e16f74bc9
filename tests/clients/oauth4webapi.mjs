// oauth4webapi: each step by itself, each answer validated.
import * as oauth from 'oauth4webapi'
import { changed, done, failure, open, order } from './shared.mjs'

const { issuer, client_id, secret, callback, scope, algorithm } = order
const METHODS = {
  basic: () => oauth.ClientSecretBasic(secret),
  post: () => oauth.ClientSecretPost(secret),
  none: () => oauth.None(),
}
const plain = { [oauth.allowInsecureRequests]: true }
const client = { client_id }
const auth = METHODS[client_id]()
const as = await oauth.processDiscoveryResponse(new URL(issuer), await oauth.discoveryRequest(new URL(issuer), { algorithm, ...plain }))
const findings = { iss_supported: as.authorization_response_iss_parameter_supported, methods: as.code_challenge_methods_supported }

async function begin(more = {}) {
  const verifier = oauth.generateRandomCodeVerifier()
  const state = oauth.generateRandomState()
  const nonce = oauth.generateRandomNonce()
  const address = new URL(as.authorization_endpoint)
  address.search = new URLSearchParams({
    client_id,
    redirect_uri: callback,
    response_type: 'code',
    scope,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
    ...more,
  }).toString()
  return { verifier, state, nonce, back: await open(address) }
}

async function exchange({ verifier, state, nonce, back }) {
  const parameters = oauth.validateAuthResponse(as, client, back, state)
  const response = await oauth.authorizationCodeGrantRequest(as, client, auth, parameters, callback, verifier, plain)
  const tokens = await oauth.processAuthorizationCodeResponse(as, client, response, { expectedNonce: nonce, requireIdToken: true })
  await oauth.validateApplicationLevelSignature(as, response, plain)
  return tokens
}

const first = await begin()
findings.state = await failure(() => exchange({ ...first, state: 'another' }))
findings.iss = await failure(() => exchange({ ...first, back: changed(first.back, 'iss', 'https://elsewhere.example') }))
const tokens = await exchange(first)
const claims = oauth.getValidatedIdTokenClaims(tokens)
findings.claims = { iss: claims.iss === issuer, aud: claims.aud }

const information = await oauth.userInfoRequest(as, client, tokens.access_token, plain)
const person = await oauth.processUserInfoResponse(as, client, claims.sub, information)
findings.person = [person.preferred_username, person.name, person.email, person.email_verified, person.role]

async function refresh(token) {
  const response = await oauth.refreshTokenGrantRequest(as, client, auth, token, plain)
  return oauth.processRefreshTokenResponse(as, client, response)
}

const newer = await refresh(tokens.refresh_token)
findings.refreshed = newer.access_token !== tokens.access_token && newer.scope === scope
if (client_id !== 'none') {
  const response = await oauth.introspectionRequest(as, client, auth, newer.access_token, plain)
  const told = await oauth.processIntrospectionResponse(as, client, response)
  findings.introspection = [told.active, told.username, told.client_id]
}
await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, auth, newer.access_token, plain))
if (client_id !== 'none') {
  const response = await oauth.introspectionRequest(as, client, auth, newer.access_token, plain)
  findings.introspected = (await oauth.processIntrospectionResponse(as, client, response)).active
}
findings.revoked = await failure(() => refresh(newer.refresh_token))

// Of a public client on loopback the person is asked each time (RFC 8252 §8.6).
const other = await begin(client_id === 'none' ? {} : { prompt: 'none' })
findings.nonce = await failure(() => exchange({ ...other, nonce: 'another' }))
findings.code_twice = await failure(() => exchange(other))
const third = await begin()
findings.verifier = await failure(() => exchange({ ...third, verifier: oauth.generateRandomCodeVerifier() }))

const resource = new URL(as.userinfo_endpoint)
const described = await oauth.resourceDiscoveryRequest(new URL(order.resource), plain)
const protectedResource = await oauth.processResourceDiscoveryResponse(new URL(order.resource), described)
findings.resource = protectedResource.authorization_servers.includes(issuer) && resource.origin === new URL(issuer).origin
done(findings)
