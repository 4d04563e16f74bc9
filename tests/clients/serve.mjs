// Serves the guide's program that is named, with two pages more.
const [, , path, port] = process.argv
const { app } = await import(path)

app.get('/refused', (req, res) => res.status(403).send('Not signed in'))
// express-openid-connect alone keeps a refresh token.
app.get('/refresh', async (req, res) => {
  const before = req.oidc.accessToken
  const { access_token: token } = await before.refresh()
  const person = await req.oidc.fetchUserInfo()
  res.json({ fresh: token !== before.access_token, person })
})
// The libraries leave it to the program to show an error.
app.use((error, req, res, next) => res.status(403).send(`Not signed in: ${error.error}`))
app.listen(Number(port), '127.0.0.1')
