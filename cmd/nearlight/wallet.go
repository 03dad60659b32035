package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"nearlight/internal/identity"
	"nearlight/internal/identity/keystore"
)

// walletFlags say where a key lies and what opens it.
type walletFlags struct {
	file, passphraseFile, passphraseCommand string
}

func (f *walletFlags) register(flags *pflag.FlagSet, what string) {
	flags.StringVar(&f.file, "wallet", "", "file of "+what+" (a keystore of version 3)")
	flags.StringVar(&f.passphraseFile, "passphrase-file", "", "file whose first line is the wallet's passphrase, readable to its owner alone")
	flags.StringVar(&f.passphraseCommand, "passphrase-command", "", "command that prints the wallet's passphrase, run by the shell, such as an agent's")
}

// passphrase asks for what opens the wallet.
func (f *walletFlags) passphrase(ctx context.Context) ([]byte, error) {
	switch {
	case f.passphraseFile != "" && f.passphraseCommand != "":
		return nil, usage("give either --passphrase-file or --passphrase-command, not both")
	case f.passphraseFile != "":
		found, err := keystore.PassphraseOf(f.passphraseFile)
		if err != nil {
			return nil, usage("%w; make one with: (umask 077; openssl rand -base64 32 > %s)", err, f.passphraseFile)
		}
		return found, nil
	case f.passphraseCommand != "":
		found, err := keystore.PassphraseFrom(ctx, f.passphraseCommand)
		if err != nil {
			return nil, usage("%w", err)
		}
		return found, nil
	}
	return nil, usage("what opens the wallet is missing: --passphrase-file FILE, or --passphrase-command COMMAND")
}

// open returns the wallet's key.
func (f *walletFlags) open(ctx context.Context) (*identity.Key, error) {
	if f.file == "" {
		return nil, usage("--wallet is missing; `nearlight wallet new` makes one")
	}
	passphrase, err := f.passphrase(ctx)
	if err != nil {
		return nil, err
	}
	key, err := keystore.Read(f.file, passphrase)
	if err != nil {
		return nil, usage("open the wallet: %w", err)
	}
	return key, nil
}

// keep writes a key to the wallet's file.
func (f *walletFlags) keep(c *cobra.Command, key *identity.Key, cost keystore.Cost) error {
	if f.file == "" {
		return usage("--wallet is missing: the file to make")
	}
	passphrase, err := f.passphrase(c.Context())
	if err != nil {
		return err
	}
	if err := keystore.Write(f.file, key, passphrase, cost); err != nil {
		if errors.Is(err, keystore.ErrExists) {
			return usage("%w", err)
		}
		return err
	}
	_, err = fmt.Fprintln(c.OutOrStdout(), key.Address())
	return err
}

func newWallet() *cobra.Command {
	c := &cobra.Command{
		Use:   "wallet COMMAND [FLAG...]",
		Short: "Make and show the keys by which edges, checkers and studios are known",
		Long: "A wallet is a file with one key on the curve secp256k1, encrypted with a passphrase, as wallets of Ethereum's keep them. Its address\n" +
			"names whoever holds it. Neither a key nor a passphrase is ever taken from a command line, where every user of the machine would see it.",
		Example: "  (umask 077; openssl rand -base64 32 > edge.pass)\n" +
			"  nearlight wallet new --wallet edge.wallet --passphrase-file edge.pass\n" +
			"  nearlight wallet show --wallet edge.wallet",
		RunE: func(c *cobra.Command, arguments []string) error {
			if len(arguments) == 0 {
				return c.Help()
			}
			return usage("there is no command %q; `nearlight wallet --help` lists them", arguments[0])
		},
	}
	c.AddCommand(newWalletNew(), newWalletShow(), newWalletImport(), newWalletEndorse())
	for _, sub := range c.Commands() {
		sub.DisableFlagsInUseLine = true
	}
	return c
}

func newWalletNew() *cobra.Command {
	var f walletFlags
	var light bool
	c := &cobra.Command{
		Use: "new --wallet FILE --passphrase-file FILE", Short: "Make a key, keep it in a new file and print its address", Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if _, err := settle(c); err != nil {
				return err
			}
			key, err := identity.NewKey()
			if err != nil {
				return err
			}
			return f.keep(c, key, cost(light))
		},
	}
	f.register(c.Flags(), "the key, which must not be there yet")
	registerLight(c.Flags(), &light)
	return c
}

func newWalletImport() *cobra.Command {
	var f walletFlags
	var secret string
	var light bool
	c := &cobra.Command{
		Use: "import --secret-file FILE --wallet FILE --passphrase-file FILE", Short: "Keep another wallet's private key in a new file and print its address", Args: noArguments,
		Long: "Reads a private key that another wallet wrote out, 64 hexadecimal digits. Keystore files of other wallets need no import: name them with --wallet.",
		RunE: func(c *cobra.Command, _ []string) error {
			if _, err := settle(c); err != nil {
				return err
			}
			if secret == "" {
				return usage("--secret-file is missing")
			}
			key, err := keystore.SecretOf(secret)
			if err != nil {
				return usage("--secret-file: %w", err)
			}
			return f.keep(c, key, cost(light))
		},
	}
	f.register(c.Flags(), "the key, which must not be there yet")
	c.Flags().StringVar(&secret, "secret-file", "", "file with the private key, readable to its owner alone; delete it afterwards")
	registerLight(c.Flags(), &light)
	return c
}

func registerLight(flags *pflag.FlagSet, light *bool) {
	flags.BoolVar(light, "light", false, "encrypt with 4 MiB instead of 256: enough where the passphrase is random, as openssl rand makes it")
}

func cost(light bool) keystore.Cost {
	if light {
		return keystore.Light
	}
	return keystore.Standard
}

func newWalletShow() *cobra.Command {
	var f walletFlags
	c := &cobra.Command{
		Use: "show --wallet FILE", Short: "Print a wallet's address; with a passphrase, see whether it opens", Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if _, err := settle(c); err != nil {
				return err
			}
			if f.file == "" {
				return usage("--wallet is missing")
			}
			var address identity.Address
			if f.passphraseFile == "" && f.passphraseCommand == "" {
				named, err := keystore.Inspect(f.file)
				if err != nil {
					return usage("%w", err)
				}
				address = named
			} else {
				key, err := f.open(c.Context())
				if err != nil {
					return err
				}
				address = key.Address()
			}
			_, err := fmt.Fprintln(c.OutOrStdout(), address)
			return err
		},
	}
	f.register(c.Flags(), "the key")
	return c
}

func newWalletEndorse() *cobra.Command {
	var f walletFlags
	var edge string
	var life time.Duration
	c := &cobra.Command{
		Use: "endorse --wallet FILE --passphrase-file FILE --edge ADDRESS", Short: "Sign with a studio's root key that an edge is trusted, and print it", Args: noArguments,
		Long: "Prints what the edge's owner gives to `nearlight edge --endorsement FILE`. Players whose token names the root are then sure of the edge,\n" +
			"and signaling cannot put another in its place.",
		RunE: func(c *cobra.Command, _ []string) error {
			if _, err := settle(c); err != nil {
				return err
			}
			address, err := identity.ParseAddress(edge)
			if err != nil {
				return usage("--edge: %w", err)
			}
			if life <= 0 {
				return usage("--life %v: want a time to come", life)
			}
			root, err := f.open(c.Context())
			if err != nil {
				return err
			}
			signed, err := identity.Endorse(root, identity.Endorsement{Edge: address, ExpiresAt: time.Now().Add(life).Truncate(time.Second)})
			if err != nil {
				return err
			}
			text, err := signed.MarshalText()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), string(text))
			return err
		},
	}
	f.register(c.Flags(), "the root key")
	c.Flags().StringVar(&edge, "edge", "", "the edge's address, as nearlight wallet show prints it")
	c.Flags().DurationVar(&life, "life", 90*24*time.Hour, "how long the edge is trusted")
	return c
}
