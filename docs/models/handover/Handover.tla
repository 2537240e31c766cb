------------------------------ MODULE Handover ------------------------------
(* Moving the right to write a resource between two databases, both ways, while clients write, requests linger and go to the
   wrong side, answers get lost, and coordinators that read the two rows one after the other act at once, sleep and die anywhere.
   One aggregate is enough: order and versions are per aggregate.

   Each database d keeps a row, (state[d], epoch[d]). log[d] is the aggregate's history at d: position = version, value = the
   write's idempotency key. The transitions are those of platform/ownership/machine.go, by the same names and conditions; a
   coordinator decides as platform/ownership/handover/decide.go does, for either side at any time: so giving up, resuming and
   two coordinators that want opposite things are all in it.

   The constants that name a rule can be set FALSE to see what breaks without it. *)
EXTENDS Naturals, Sequences, FiniteSets, TLC

CONSTANTS Writes, Coordinators, MaxEpoch, MaxCrashes, MaxLost,
          FenceInTransaction, \* a writing transaction looks at the row, not only the gateway
          FenceWaits,         \* a fence waits for the writing transactions that found themselves allowed
          DrainBeforeTake,    \* who takes has applied all that was written up to the fence
          MarkerOfEpoch,      \* and knows it by the marker of this epoch's fence, not by an older one
          BarBeforeUnfence,   \* giving up first makes the other side refuse the epoch that was offered
          KeysTravel,         \* idempotency keys are part of the feed
          CompareEpoch,       \* a row is swapped only if it has the epoch that the coordinator means, not the state alone
          DemoteByEpoch,      \* the old owner steps down only for the epoch that follows its own
          FenceByEpoch        \* an owner is fenced only when the other side follows it; one still fenced must be demoted first

DB == {"A", "B"}
Other(d) == IF d = "A" THEN "B" ELSE "A"

VARIABLES state, epoch, log, made, marks, \* per database; made: keys first handled there; marks: of each fence, how long the log was
          req, acked, lost,               \* per write: where its request is; what was acknowledged; answers lost
          pc, saw, order, crashes         \* per coordinator: what it does next, read, and decided
vars == <<state, epoch, log, made, marks, req, acked, lost, pc, saw, order, crashes>>
rows == <<state, epoch>>
data == <<log, made>>
clients == <<req, acked, lost>>
coordinators == <<pc, saw, order, crashes>>

Unread == <<"unread", 0>>
NoOrder == [move |-> "none", at |-> "A", e |-> 0, other |-> Unread]

Init == /\ state = [d \in DB |-> IF d = "A" THEN "owner" ELSE "follower"]
        /\ epoch = [d \in DB |-> IF d = "A" THEN 1 ELSE 0]
        /\ log = [d \in DB |-> <<>>] /\ made = [d \in DB |-> {}] /\ marks = [d \in DB |-> {}]
        /\ req = [w \in Writes |-> <<"idle", "A">>] /\ acked = {} /\ lost = 0
        /\ pc = [c \in Coordinators |-> "read"] /\ saw = [c \in Coordinators |-> [d \in DB |-> Unread]]
        /\ order = [c \in Coordinators |-> NoOrder] /\ crashes = 0

-----------------------------------------------------------------------------
(* Clients. Gateways are not modelled: a request may be sent to either side at any time, as by a gateway whose routes are
   old, and stay on its way for as long as it likes. *)

Send(w, d) == /\ req[w][1] = "idle" /\ w \notin acked
              /\ req' = [req EXCEPT ![w] = <<"sent", d>>]
              /\ UNCHANGED <<rows, data, marks, coordinators, acked, lost>>

(* The guard: under a shared lock, which is held until the commit. *)
Begin(w, d) == /\ req[w] = <<"sent", d>> /\ (FenceInTransaction => state[d] = "owner")
               /\ req' = [req EXCEPT ![w] = <<"open", d>>]
               /\ UNCHANGED <<rows, data, marks, coordinators, acked, lost>>

(* Not the owner: nothing was done, and it may be sent again. *)
Refuse(w, d) == /\ req[w] = <<"sent", d>> /\ FenceInTransaction /\ state[d] # "owner"
                /\ req' = [req EXCEPT ![w] = <<"idle", "A">>]
                /\ UNCHANGED <<rows, data, marks, coordinators, acked, lost>>

Has(d, w) == \E i \in 1..Len(log[d]) : log[d][i] = w
Seen(w, d) == IF KeysTravel THEN Has(d, w) ELSE w \in made[d]

(* The answer may be lost on the way: the client tries again with its key. *)
Commit(w, d, arrives) ==
  /\ req[w] = <<"open", d>> /\ (~arrives => lost < MaxLost)
  /\ log' = IF Seen(w, d) THEN log ELSE [log EXCEPT ![d] = Append(@, w)]
  /\ made' = [made EXCEPT ![d] = @ \cup {w}]
  /\ req' = [req EXCEPT ![w] = <<"idle", "A">>]
  /\ acked' = IF arrives THEN acked \cup {w} ELSE acked
  /\ lost' = IF arrives THEN lost ELSE lost + 1
  /\ UNCHANGED <<rows, marks, coordinators>>

(* The feed, either way: at least once, in order per aggregate; the version guard drops what is not next. *)
Feed(d) == LET s == Other(d) IN
  /\ Len(log[d]) < Len(log[s])
  /\ log' = [log EXCEPT ![d] = Append(@, log[s][Len(@) + 1])]
  /\ UNCHANGED <<rows, made, marks, clients, coordinators>>

-----------------------------------------------------------------------------
(* The machine: what a row may become (machine.go). S, E are the side's own state and epoch, e the epoch of the hand-over,
   o what was read of the other side, perhaps long ago. *)

OwnHolds(m, S, E, e) ==
  CASE m = "fence"   -> S = "owner" /\ (CompareEpoch => E = e)
    [] m = "take"    -> S = "follower" /\ E < e + 1
    [] m = "demote"  -> S = "fenced" /\ (CompareEpoch => E = e)
    [] m = "bar"     -> S = "follower" /\ E <= e + 1
    [] m = "unfence" -> S = "fenced" /\ (CompareEpoch => E = e)
    [] OTHER         -> FALSE
OtherHolds(m, e, o) ==
  CASE m = "fence"   -> o[1] = "follower" /\ (FenceByEpoch => o[2] = e \/ o[2] + 1 = e)
    [] m = "demote"  -> o[1] = "owner" /\ (DemoteByEpoch => o[2] = e + 1)
    [] m = "unfence" -> o[1] = "follower" /\ (BarBeforeUnfence => o[2] = e + 1)
    [] OTHER         -> TRUE
To(m) == CASE m \in {"take", "unfence"} -> "owner" [] m = "fence" -> "fenced" [] OTHER -> "follower"
Raise(m) == CASE m = "fence" -> 0 [] m = "unfence" -> 2 [] OTHER -> 1

(* What Take requires beside: the marker of the fence has arrived, with all before it. *)
Drained(d, e) == \E k \in marks[Other(d)] : (MarkerOfEpoch => k[1] = e) /\ Len(log[d]) >= k[2]
Writing(d) == {w \in Writes : req[w] = <<"open", d>>}

-----------------------------------------------------------------------------
(* A coordinator reads both rows, decides, does one thing, and reads again. A side that it saw fenced it may take to be
   fenced still, should it not answer. *)

Read(c, d) == /\ pc[c] = "read" /\ saw[c][d] = Unread
              /\ saw' = [saw EXCEPT ![c][d] = <<state[d], epoch[d]>>]
              /\ pc' = [pc EXCEPT ![c] = IF saw[c][Other(d)] = Unread THEN "read" ELSE "decide"]
              /\ UNCHANGED <<rows, data, marks, clients, order, crashes>>

May(m, d, S, e) == OwnHolds(m, S[d][1], S[d][2], e) /\ OtherHolds(m, e, S[Other(d)])
(* The orders that Decide gives for the rows S, whoever is wanted. *)
Orders(S) ==
  UNION {LET y == Other(x)  e == S[x][2]  O(m, d) == [move |-> m, at |-> d, e |-> e, other |-> S[Other(d)]]
             fenced == S[x][1] = "fenced" IN
         CASE May("fence", x, S, e) -> IF e < MaxEpoch THEN {O("fence", x)} ELSE {}
           [] ~fenced -> {}
           [] fenced /\ May("demote", x, S, e) -> {O("demote", x)}
           [] fenced /\ ~May("demote", x, S, e) /\ May("unfence", x, S, e) ->
                IF BarBeforeUnfence THEN {O("unfence", x)} ELSE {O("unfence", x)} \cup (IF May("take", y, S, e) THEN {O("take", y)} ELSE {})
           [] OTHER -> {O(m, y) : m \in {m \in {"take", "bar"} : May(m, y, S, e)}}
         : x \in DB}

Fresh == [d \in DB |-> Unread]
Decide(c) ==
  /\ pc[c] = "decide"
  /\ IF Orders(saw[c]) = {}
     THEN pc' = [pc EXCEPT ![c] = "read"] /\ saw' = [saw EXCEPT ![c] = Fresh] /\ UNCHANGED order
     ELSE \E o \in Orders(saw[c]) : /\ order' = [order EXCEPT ![c] = o] /\ pc' = [pc EXCEPT ![c] = "act"]
                                    /\ UNCHANGED saw
  /\ UNCHANGED <<rows, data, marks, clients, crashes>>

(* Old readings: none, or that of a side that was seen fenced. *)
Kept(c) == {Fresh} \cup {[Fresh EXCEPT ![d] = saw[c][d]] : d \in {d \in DB : saw[c][d][1] = "fenced"}}
Again(c) == /\ pc' = [pc EXCEPT ![c] = "read"] /\ order' = [order EXCEPT ![c] = NoOrder]
            /\ \E k \in Kept(c) : saw' = [saw EXCEPT ![c] = k]

(* The order is carried out at any time after it was decided, or refused. *)
Allowed(o) == /\ OwnHolds(o.move, state[o.at], epoch[o.at], o.e) /\ OtherHolds(o.move, o.e, o.other)
              /\ (o.move = "take" /\ DrainBeforeTake => Drained(o.at, o.e))
Act(c) == LET o == order[c]  d == o.at IN
  /\ pc[c] = "act"
  /\ IF Allowed(o)
     THEN /\ (o.move = "fence" /\ FenceWaits => Writing(d) = {})
          /\ state' = [state EXCEPT ![d] = To(o.move)]
          /\ epoch' = [epoch EXCEPT ![d] = o.e + Raise(o.move)]
          /\ marks' = IF o.move = "fence" THEN [marks EXCEPT ![d] = @ \cup {<<o.e, Len(log[d])>>}] ELSE marks
     ELSE UNCHANGED <<rows, marks>>
  /\ Again(c)
  /\ UNCHANGED <<data, clients, crashes>>

(* Killed: before, in or after an action; the next one to read knows nothing. *)
Crash(c) == /\ crashes < MaxCrashes /\ (pc[c] # "read" \/ saw[c] # Fresh)
            /\ crashes' = crashes + 1 /\ pc' = [pc EXCEPT ![c] = "read"]
            /\ saw' = [saw EXCEPT ![c] = Fresh] /\ order' = [order EXCEPT ![c] = NoOrder]
            /\ UNCHANGED <<rows, data, marks, clients>>

Client == \E w \in Writes, d \in DB : Send(w, d) \/ Begin(w, d) \/ Refuse(w, d) \/ \E b \in BOOLEAN : Commit(w, d, b)
Coordinate(c) == (\E d \in DB : Read(c, d)) \/ Decide(c) \/ Act(c)
Next == Client \/ (\E d \in DB : Feed(d)) \/ \E c \in Coordinators : Coordinate(c) \/ Crash(c)
Spec == Init /\ [][Next]_vars
Finish == \E w \in Writes, d \in DB : Commit(w, d, TRUE)
Fair == Spec /\ WF_vars(Finish) /\ (\A c \in Coordinators : WF_vars(Coordinate(c))) /\ \A d \in DB : WF_vars(Feed(d))

-----------------------------------------------------------------------------
Prefix(s, t) == Len(s) <= Len(t) /\ SubSeq(t, 1, Len(s)) = s
AtMostOneOwner == ~(state["A"] = "owner" /\ state["B"] = "owner")
SomeoneHoldsIt == state["A"] # "follower" \/ state["B"] # "follower"
NotBothFenced == ~(state["A"] = "fenced" /\ state["B"] = "fenced") \* neither could go on
OneHistory == Prefix(log["A"], log["B"]) \/ Prefix(log["B"], log["A"])
OwnerHasAll == \A d \in DB : state[d] = "owner" => Prefix(log[Other(d)], log[d])
NothingLost == \A w \in acked : \E d \in DB : state[d] # "follower" /\ Has(d, w)
NothingTwice == \A d \in DB : \A i, j \in 1..Len(log[d]) : log[d][i] = log[d][j] => i = j

Alike == Permutations(Coordinators) \cup Permutations(Writes)

(* Under Fair: whatever died where, there is an owner again. *)
AnOwnerAgain == []<>(\E d \in DB : state[d] = "owner")
=============================================================================
