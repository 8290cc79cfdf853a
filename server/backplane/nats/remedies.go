package nats

import (
	"errors"
	"fmt"
	"slices"

	natsio "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Codes of JetStream's answers.
const (
	codeTooFewResources = 10023 // before the message is looked at
	codeStorage         = 10047 // a stream would be larger than the server's limit
	codeTooLarge        = 10054 // the stream's max_msg_size
	codeNotStored       = 10077 // by the stream's store; the description says why
	codeKeyInProcess    = 10158 // another message with this key is being stored
)

// fullStreams are descriptions of codeNotStored by which a stream that discards what is new
// refuses a message. Servers before 2.12 give other errors of the store the same code, after
// which it is not known what was stored.
var fullStreams = []string{"maximum messages exceeded", "maximum bytes exceeded", "maximum messages per subject exceeded"}

func code(err error) jetstream.ErrorCode {
	if api := new(jetstream.APIError); errors.As(err, &api) {
		return api.ErrorCode
	}
	return 0
}

// streamIsFull reports whether a message was refused because the stream is full.
func streamIsFull(err error) bool {
	api := new(jetstream.APIError)
	return errors.As(err, &api) && api.ErrorCode == codeNotStored && slices.Contains(fullStreams, api.Description)
}

// connectRemedy is what to do about an error of connecting.
func connectRemedy(err error) string {
	for _, refused := range []error{natsio.ErrAuthorization, natsio.ErrAuthExpired, natsio.ErrAuthRevoked, natsio.ErrAccountAuthExpired, natsio.ErrNkeysNotSupported} {
		if errors.Is(err, refused) {
			return "give the user and password, or the token, that the server knows in Options.URL, or credentials in Options.Connect"
		}
	}
	if errors.Is(err, natsio.ErrSecureConnWanted) {
		return "the server has no TLS: give it a certificate, or write nats:// in place of tls://"
	}
	return "look whether a NATS server listens there"
}

// explain adds the remedy to errors that newcomers meet when the stream is looked for or made.
func (o Options) explain(err error) error {
	switch {
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return fmt.Errorf("%w; start the server with -js, or enable JetStream for the account", err)
	case errors.Is(err, natsio.ErrNoResponders):
		return fmt.Errorf("%w: JetStream does not run there; start the server with -js, or try again if it has just started", err)
	case code(err) == codeStorage:
		return fmt.Errorf("%w: it would set Options.MaxBytes (%d bytes) apart; set that lower, or raise the server's max_file_store, which without a setting is three quarters of what is free at its start (so that %d bytes have to be free)",
			err, o.MaxBytes, o.MaxBytes/3*4+4)
	}
	return err
}

// explainAppend does the same for errors of Append.
func explainAppend(err error) error {
	switch {
	case streamIsFull(err):
		return fmt.Errorf("%w: the stream is full and discards what is new; raise its limits, or let it discard what is old (nats stream edit --discard=old)", err)
	case code(err) == codeTooFewResources:
		return fmt.Errorf("%w: the server stores more than its limit (max_file_store, without a setting three quarters of its disk); make room, and restart the server", err)
	}
	return err
}
