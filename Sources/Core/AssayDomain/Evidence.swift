/// What is known of a version when a policy decides on it; every part was checked before it got here.
package struct Evidence: Sendable {
    /// Ids of the trusted release keys with a valid signature over exactly this version's files.
    package var signers: [String]
    /// The signed documents that are looked at: signatures, statements and reports, by the digests of their bytes.
    package var inputs: Set<Digest> = []
    /// Why there is no valid signature, if there is none.
    package var signatureFault: String?
    /// What ties the version's manifest to those files.
    package var binding = ManifestBinding.unbound
    /// Files that the version names and the store does not have.
    package var missingContent: [Digest]
    /// That the version must not be used any more.
    package var withdrawn: Version.Withdrawn?
    package var contentBytes: Int64
    /// The alias that is asked about, and its repository; nil where it is about none.
    package var alias: AliasName?
    package var repository: RepositoryName?
    /// Relations that signed provenance tells, each with the id of a trusted key that says so.
    package var relations: [LineageRelation: String]
    /// Checked statements about exactly this version, in the order in which they were first recorded.
    package var statements: [Statement]
    /// Checked waivers for exactly this version, repository, alias and policy that have not expired.
    package var waivers: [SignedWaiver] = []
    /// Statements of figures by keys that are known and do not count, with why: they only tell what is missing.
    package var uncounted: [Uncounted] = []
    /// When it is decided, by the log's time; nil where nobody says, and then nothing is young enough.
    package var time: Timestamp?
    /// The data that the policy's `measured` names, by digest; what is not there is no data.
    package var figureDatasets: [Reference: Digest] = [:]
    /// The policy's teacher; nil if it is not there, or the policy has none.
    package var teacher: Teacher?
    /// Why it is not there.
    package var teacherFault: String?
    /// A signed report for this version that matches the policy's dataset and settings.
    package var report: VerificationReport?
    /// The version that the alias points to now.
    package var holder: VerificationReport.Subject?
    /// The holder's report on the same dataset.
    package var holderReport: VerificationReport?
    /// How often this version was measured on the policy's dataset by this build of the evaluator.
    package var tries: Int?
    /// What was measured on further data, by its name in the policy.
    package var parts: [String: Reports] = [:]
    /// What the version's files are by their content; nil if nobody looked.
    package var inspections: [FileInspection]?

    /// The version whose answers others are compared with.
    package struct Teacher: Sendable {
        package let subject: VerificationReport.Subject
        package let contentBytes: Int64

        package init(subject: VerificationReport.Subject, contentBytes: Int64) {
            self.subject = subject
            self.contentBytes = contentBytes
        }
    }

    /// Reports of a version and of the holder on the same dataset.
    package struct Reports: Sendable {
        package var report: VerificationReport?
        package var holderReport: VerificationReport?
        package var tries: Int?
        /// The signed reports, by the digests of their bytes.
        package var envelopes: Set<Digest> = []

        package init() {}
    }

    package init(
        signers: [String], signatureFault: String?, missingContent: [Digest] = [], contentBytes: Int64,
        relations: [LineageRelation: String], statements: [Statement] = [],
        report: VerificationReport? = nil, holder: VerificationReport.Subject? = nil,
        holderReport: VerificationReport? = nil
    ) {
        self.signers = signers
        self.signatureFault = signatureFault
        self.missingContent = missingContent
        self.contentBytes = contentBytes
        self.relations = relations
        self.statements = statements
        self.report = report
        self.holder = holder
        self.holderReport = holderReport
    }
}

extension Evidence {
    /// A waiver whose signature was checked.
    package struct SignedWaiver: Sendable, Hashable {
        package let waiver: Waiver
        /// The id of the trusted key that signed, and what it is trusted as.
        package let signer: String
        package let role: TrustedKey.Role

        package init(waiver: Waiver, signer: String, role: TrustedKey.Role) {
            self.waiver = waiver
            self.signer = signer
            self.role = role
        }
    }

    /// A statement whose signature was checked.
    package struct Statement: Sendable, Hashable {
        package let predicateType: String
        /// The id of the trusted key that signed, and what it is trusted as.
        package let signer: String
        package let role: TrustedKey.Role
        /// All that it says: JSON.
        package let predicate: [UInt8]
        /// The version that it is about.
        package let subject: Digest
        /// When it was recorded first, by the log's time.
        package let recordedAt: Timestamp?

        package init(
            predicateType: String, signer: String, role: TrustedKey.Role, predicate: [UInt8], subject: Digest,
            recordedAt: Timestamp? = nil
        ) {
            self.predicateType = predicateType
            self.signer = signer
            self.role = role
            self.predicate = predicate
            self.subject = subject
            self.recordedAt = recordedAt
        }

        /// What it comes to; read anew each time, for few of a version's statements are ever asked.
        package func word() -> StatementWord { StatementWord.of(predicate, type: predicateType, subject: subject) }
    }

    /// A statement whose signer is known and does not count.
    package struct Uncounted: Sendable, Hashable {
        /// JSON.
        package let predicate: [UInt8]
        package let signer: String
        /// Why it does not count, in words.
        package let reason: String

        package init(predicate: [UInt8], signer: String, reason: String) {
            self.predicate = predicate
            self.signer = signer
            self.reason = reason
        }
    }
}
