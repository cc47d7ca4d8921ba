package import AssayDomain

/// `POST /api/v1/promotions`
package struct PromoteRequest: Sendable, Codable {
    package var reference: Reference
    package var alias: AliasName
    /// Decide and say so, but move nothing and store no verdict.
    package var dryRun: Bool?

    package init(reference: Reference, alias: AliasName, dryRun: Bool? = nil) {
        self.reference = reference
        self.alias = alias
        self.dryRun = dryRun
    }
}

/// `POST /api/v1/rollbacks`
package struct RollbackRequest: Sendable, Codable {
    package var repository: RepositoryName
    package var alias: AliasName
    /// The version that held the alias; the one before the present holder if it is not set.
    package var to: VersionNumber?
    package var reason: String
    /// Ask for nothing but the version's signatures; the policy names who may.
    package var emergency: Bool?
    /// Decide and say so, but move nothing and store no verdict.
    package var dryRun: Bool?

    package init(
        repository: RepositoryName, alias: AliasName, to: VersionNumber?, reason: String, emergency: Bool?,
        dryRun: Bool?
    ) {
        self.repository = repository
        self.alias = alias
        self.to = to
        self.reason = reason
        self.emergency = emergency
        self.dryRun = dryRun
    }
}

/// `POST /api/v1/withdrawals`
package struct WithdrawRequest: Sendable, Codable {
    package var reference: Reference
    package var reason: String
    /// Let the version be used again.
    package var reinstate: Bool?

    package init(reference: Reference, reason: String, reinstate: Bool? = nil) {
        self.reference = reference
        self.reason = reason
        self.reinstate = reinstate
    }
}

/// What a promotion or a rollback came to. A refused one has the same form, so that its table can be shown.
package struct PromotionResponse: Sendable, Codable {
    package enum State: String, Sendable, Codable {
        /// A measurement runs; ask again for the same promotion when the verification is finished.
        case measuring
        case promoted
        /// A dry run that would have been promoted.
        case wouldPass
        case refused
        /// The alias pointed there already.
        case unchanged
    }

    package let state: State
    package let version: VersionNumber
    package let alias: AliasName
    package let holder: VersionNumber?
    package let outcomes: [RequirementOutcome]
    package let verifications: [VerificationID]
    package let verdictDigest: Digest?

    package init(
        state: State, version: VersionNumber, alias: AliasName, holder: VersionNumber?,
        outcomes: [RequirementOutcome], verifications: [VerificationID], verdictDigest: Digest?
    ) {
        self.state = state
        self.version = version
        self.alias = alias
        self.holder = holder
        self.outcomes = outcomes
        self.verifications = verifications
        self.verdictDigest = verdictDigest
    }
}
