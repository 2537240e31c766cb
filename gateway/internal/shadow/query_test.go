package shadow

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAQueryThatSpeaksForSomebodyIsNotCopied(t *testing.T) {
	for _, query := range []string{
		"reset_token=x", "confirmation_token=x", "private_token=x", "csrf_token=x", "sessionToken=x", "apiToken=x", "x-api-key=x",
		"user_password=x", "pwd=x", "otp=x", "AWSAccessKeyId=x", "user[token]=x", "user%5Btoken%5D=x", "key=x", "code=x&state=y",
		"SAMLResponse=x", "ticket=x", "oobCode=x", "hmac=x", "magic=x", "access_token=x", "a=1;token=x", "X-Amz-Signature=x",
	} {
		require.NotEmpty(t, secretIn([]byte("/a?"+query)), query)
		require.NotContains(t, maskTarget([]byte("/a?"+query)), "=x", query)
	}
	for _, query := range []string{"", "page=2", "q=a+b", "state=open", "postcode=1", "monkey=x", "author=x", "keys=1", "cursor=abc"} {
		require.Empty(t, secretIn([]byte("/a?"+query)), query)
	}
}
