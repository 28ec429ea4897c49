package keycheck_test

import (
	"strings"
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/keycheck"
)

// The first word chooses the API, unless another word makes it doubtful whose key it is.
func TestGuess(t *testing.T) {
	t.Parallel()
	for provider, want := range map[string]string{
		"openai": "openai", "openai-gpt4": "openai", "OpenAI_Prod": "openai", "anthropic.claude": "anthropic", "mistral-large-prod": "mistral",
		"local-llama": "", "my-openai": "", "openai2": "", "gpt4": "", "claude-3": "", "": "", "-": "",
		"openai-azure": "", "openai-azure2": "", "openai-azureeast": "", "openai-vllm01": "", "openai-compatible-deepseek": "", "anthropic-bedrock": "", "mistral-local": "", "openai_proxy": "", "openrouter-mistral": "", "openai.openrouter": "",
	} {
		if got := keycheck.Guess(provider); got != want {
			t.Errorf("Guess(%q) = %q, want %q", provider, got, want)
		}
	}
}

// A value that is no API may be a key in the wrong place.
func TestNew_DoesNotRepeatAWrongValue(t *testing.T) {
	t.Parallel()
	for _, api := range []string{"", "canary", "https://user:canary@example.com", "http://canary.example.com:0x", "https://example.com?key=canary"} {
		verifier, err := keycheck.New("verify", api)
		if verifier != nil || exitcode.Of(err) != exitcode.Usage || !strings.HasPrefix(err.Error(), "--verify: ") || strings.Contains(err.Error(), "canary") {
			t.Errorf("New(verify, %q) = %v, want a usage error without the value", api, err)
		}
	}
	for _, api := range []string{"openai", "http://localhost:8000/v1"} {
		if verifier, err := keycheck.New("verify", api); verifier == nil || err != nil {
			t.Errorf("New(verify, %q) = %v, want a verifier", api, err)
		}
	}
}
