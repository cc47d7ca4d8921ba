package import AssayDomain

/// Everything of the index that a promotion is decided by, as it was at one moment.
package struct PromotionBasis: Sendable {
    /// The manifest of the version that is to be promoted.
    package let manifest: StoredManifest
    /// Nil if nothing protects the alias.
    package let policy: PolicyRecord?
    /// Where the alias points; nil if it points nowhere.
    package let holder: Version?
    /// How the holder stands under the policy; nil without one of both.
    package let standing: Alias.Standing?
    package let lastMove: AliasMove?
    /// All keys, revoked ones too.
    package let keys: [TrustedKey]
    /// Signed statements about the version, oldest first.
    package let attestations: [AttestationRecord]
    /// Verifications of the version and of the holder, newest first.
    package let verifications: [Verification]
    package let holderVerifications: [Verification]
    /// How often the version was measured.
    package let tries: [Tries]
    /// That the version must not be used any more; nil if it may.
    package let withdrawn: Version.Withdrawn?
    package let mark: PromotionMark

    package init(
        manifest: StoredManifest, policy: PolicyRecord?, holder: Version?, standing: Alias.Standing?,
        lastMove: AliasMove?, keys: [TrustedKey], attestations: [AttestationRecord], verifications: [Verification],
        holderVerifications: [Verification], tries: [Tries], withdrawn: Version.Withdrawn?, mark: PromotionMark
    ) {
        self.manifest = manifest
        self.policy = policy
        self.holder = holder
        self.standing = standing
        self.lastMove = lastMove
        self.keys = keys
        self.attestations = attestations
        self.verifications = verifications
        self.holderVerifications = holderVerifications
        self.tries = tries
        self.withdrawn = withdrawn
        self.mark = mark
    }
}

/// Tells one state of what a promotion is decided by from every other one: no state ever comes back under its mark.
package struct PromotionMark: Sendable, Hashable {
    /// Tells one set of the statements about a manifest from another: rows get ids that are never given twice.
    package struct Evidence: Sendable, Hashable {
        package let count: Int64
        package let last: Int64

        package init(count: Int64, last: Int64) {
            self.count = count
            self.last = last
        }
    }

    /// The manifest of the version, and of the holder.
    package let subject: Digest
    package let holder: Digest?
    /// Sequences of the last change of the trust root and of the last move of the alias; 0 if there is none.
    package let keyChange: Int64
    package let move: Int64
    package let policy: Digest?
    package let evidence: Evidence
    package let holderEvidence: Evidence?

    package init(
        subject: Digest, holder: Digest?, keyChange: Int64, move: Int64, policy: Digest?, evidence: Evidence,
        holderEvidence: Evidence?
    ) {
        self.subject = subject
        self.holder = holder
        self.keyChange = keyChange
        self.move = move
        self.policy = policy
        self.evidence = evidence
        self.holderEvidence = holderEvidence
    }

    /// What is not as it was in another state, in words; nil if everything is.
    package func difference(from now: PromotionMark) -> String? {
        if policy != now.policy { return "its policy is not the one that the promotion was decided by" }
        if move != now.move || holder != now.holder { return "it was moved since the promotion was decided" }
        if keyChange != now.keyChange { return "the trust root was changed since the promotion was decided" }
        if evidence != now.evidence || subject != now.subject || holderEvidence != now.holderEvidence {
            return "evidence came or went since the promotion was decided"
        }
        return nil
    }
}

/// How often content was measured on data by a build of the evaluator, with a result that counts.
package struct Tries: Sendable, Hashable {
    package let dataset: Digest
    package let evaluator: String
    package let count: Int

    package init(dataset: Digest, evaluator: String, count: Int) {
        self.dataset = dataset
        self.evaluator = evaluator
        self.count = count
    }
}
