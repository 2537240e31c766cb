package broker

import (
	"crypto/tls"
	"errors"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/scram"
)

// Access is how a host enters its cluster, as operators say it in the environment: a
// host embeds it in its configuration. The zero value is a cluster on a network of
// one's own that asks nobody who he is. Amazon MSK wants TLS and a user
// (https://docs.aws.amazon.com/msk/latest/developerguide/msk-password.html).
type Access struct {
	// KafkaTLS speaks TLS 1.2 or newer with all brokers and checks their names. Whom it
	// trusts is the machine's matter; SSL_CERT_DIR names a folder with others beside it.
	KafkaTLS bool `env:"KAFKA_TLS" envDefault:"false"`
	// KafkaUser and KafkaPassword sign in by SASL/SCRAM-SHA-512; empty: nobody does.
	KafkaUser     string `env:"KAFKA_USER"`
	KafkaPassword string `env:"KAFKA_PASSWORD"`
}

// Check says which variable is missing for another. No error shows the password.
func (a Access) Check() error {
	switch {
	case a.KafkaPassword != "" && a.KafkaUser == "":
		return errors.New("KAFKA_PASSWORD is set and KAFKA_USER is not: set both, or neither")
	case a.KafkaUser != "" && a.KafkaPassword == "":
		return errors.New("KAFKA_USER is set and KAFKA_PASSWORD is not: set both, or neither")
	case a.KafkaUser != "" && !a.KafkaTLS:
		// Who listens to SCRAM can try passwords at home, and reads every event.
		return errors.New("KAFKA_USER without KAFKA_TLS would sign in where others listen: set KAFKA_TLS=true")
	}
	return nil
}

// tls is what is spoken with the brokers; nil is plain TCP.
func (a Access) tls() *tls.Config {
	if !a.KafkaTLS {
		return nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS12} // kafka-go puts each broker's name in
}

// mechanism is how the host signs in; nil is not at all.
func (a Access) mechanism() (sasl.Mechanism, error) {
	if a.KafkaUser == "" {
		return nil, nil
	}
	m, err := scram.Mechanism(scram.SHA512, a.KafkaUser, a.KafkaPassword)
	if err != nil { // a name or password that RFC 4013 forbids; the library's text would show it
		return nil, errors.New("KAFKA_USER or KAFKA_PASSWORD has a character that SASL forbids: use letters, digits and signs")
	}
	return m, nil
}
