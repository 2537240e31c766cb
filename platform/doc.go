// Package platform is the root of the shared library: what every host needs and
// no feature owns. It knows no word of the business. The parts are in the folders
// below; nothing is exported here.
package platform
