package command

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"banyan.dev/strangler/internal/deployment"
)

// endWithin bounds the clean-up after a failure or Ctrl-C, when the command's own
// context has ended already.
const endWithin = time.Minute

func (t *tool) up() *cobra.Command {
	var step string
	var target deployment.Target
	var x deployment.External
	var posts int
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Bring a step up and leave it running",
		Long: `Brings a step up as child processes of this machine (--target local), as containers of a compose project of its own
(compose), or in a namespace of a cluster (kubernetes), and leaves it running. All other commands then work on it, wherever it runs:
they find it by --run-dir. docs/deploy/targets.md says what each target does.`,
		Example: `  strangler up
  strangler up --target compose --step 05
  strangler up --target kubernetes --context my-cluster --images registry.example/banyan`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			x.Fill = cmd.Flags().Changed("posts")
			target.Name = t.target
			return t.bringUp(cmd.Context(), step, deployment.Options{
				Owner: "up", Target: target, External: x, Posts: posts, Seed: 1,
			})
		},
	}
	cmd.Flags().StringVar(&step, "step", "", "the step to bring up, by its name or the beginning of it (default: the first)")
	cmd.Flags().IntVar(&posts, "posts", 60, "how many posts to begin with (with --postgres-url, unless given: only if the blog has no accounts)")
	cmd.Flags().StringVar(&target.Images, "images", "", "with --target compose or kubernetes: take PREFIX/HOST:STEP from a registry, by this prefix (default: built of this checkout; on Kubernetes banyan/HOST:STEP)")
	cmd.Flags().StringVar(&target.Context, "context", "", "with --target kubernetes: the kubeconfig's context (default: the current one; remembered)")
	cmd.Flags().StringVar(&target.Namespace, "namespace", "", "with --target kubernetes: the namespace, made if it is not there (default: banyan)")
	cmd.Flags().StringVar(&target.Kustomize, "kustomize", "", "with --target kubernetes: the folder with a kustomization for each step, such as deploy/eks/steps (default: migration-steps)")
	cmd.Flags().StringVar(&target.URL, "url", "", "with --target kubernetes: where users come in, when neither a node port nor a load balancer tells")
	external(cmd, &x)
	return cmd
}

func (t *tool) bringUp(ctx context.Context, step string, o deployment.Options) error {
	path, err := t.path()
	if err != nil {
		return err
	}
	at := 0
	if step != "" {
		if at, err = path.Index(step); err != nil {
			return fmt.Errorf("--step: %w", err)
		}
	}
	if err := checkPosts(o.Posts); err != nil {
		return err
	}
	dir, err := t.dir()
	if err != nil {
		return err
	}
	run, err := deployment.Create(ctx, path, dir, o, t.say)
	if errors.Is(err, deployment.ErrRunning) {
		return t.resume(ctx, at)
	}
	if err != nil {
		return err
	}
	if err := start(ctx, run, at); err != nil {
		return errors.Join(err, end(run))
	}
	t.where(run)
	t.say("next: go run ./strangler plan, advance, load, down")
	return run.Close()
}

// resume goes on with a run that was cut off, or that lost a process.
func (t *tool) resume(ctx context.Context, step int) error {
	run, _, err := t.open()
	if err != nil {
		return err
	}
	did, err := run.Resume(ctx, step)
	if err == nil && !did {
		t.say("it is up already, at " + run.Journal().At())
	}
	if err == nil {
		t.where(run)
	}
	return errors.Join(err, run.Close())
}

func checkPosts(posts int) error {
	if posts < 0 || posts > 100_000 {
		return fmt.Errorf("--posts is %d: give a number from 0 to 100000", posts)
	}
	return nil
}

// start does what up and benches have in common.
func start(ctx context.Context, run *deployment.Run, step int) error {
	if err := run.CheckExternal(ctx); err != nil {
		return err
	}
	if err := run.CheckDatabases(ctx, step); err != nil {
		return err
	}
	if err := run.Prepare(ctx, step); err != nil {
		return err
	}
	return run.BringUp(ctx, step)
}

// end stops everything after a failure, in a time of its own.
func end(run *deployment.Run) error {
	ctx, cancel := context.WithTimeout(context.Background(), endWithin)
	defer cancel()
	return run.Down(ctx)
}

func (t *tool) where(run *deployment.Run) {
	t.say("the blog:           " + run.EntryURL())
	if page := run.GatewayPage(); page != "" {
		t.say("the gateway's page: " + page)
	}
}

func (t *tool) down() *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "End everything that up or tour --keep left running, and remove its data",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			run, _, err := t.open()
			if errors.Is(err, deployment.ErrNoRun) {
				return t.forget(err)
			}
			if err != nil {
				return err
			}
			if err := end(run); err != nil {
				return err
			}
			t.say("ended, and nothing is left behind")
			return nil
		},
	}
}

// forget removes the logs of a tour that did not hold; nothing is what says that there is
// nothing else.
func (t *tool) forget(nothing error) error {
	dir, err := t.dir()
	if err != nil {
		return err
	}
	forgot, err := deployment.Forget(dir)
	if err == nil && forgot {
		t.say("the logs that a run left in " + dir + " are removed")
		return nil
	}
	t.say(nothing.Error())
	return err
}
