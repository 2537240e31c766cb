// Package accounts is who people are: sign-up, passwords, roles, and the sessions
// they hold.
//
//	tables   accounts, account_keys
//	routes   /api/v1/accounts..., /api/v1/sessions...
//	events   none yet
//	ports    Sessions (platform/session satisfies it)
//
// Every host that asks "who is this?" gets a contracts.Viewer; passwords and
// e-mail addresses stay here. Accounts never reads posts or comments.
package accounts
