/// What a job needs of the evaluator that runs it.
package struct JobDemand: Sendable, Hashable {
    package let threads: Int
    package let labels: [WorkerLabel]

    package init(threads: Int, labels: [WorkerLabel]) {
        self.threads = threads
        self.labels = labels
    }
}

/// What an evaluator offers.
package struct JobOffer: Sendable, Hashable {
    package let labels: Set<WorkerLabel>
    /// The CPUs that it is kept on; nil if it is on all of its machine's.
    package let threadsMax: Int?

    package init(labels: some Sequence<WorkerLabel>, threadsMax: Int?) {
        self.labels = Set(labels)
        self.threadsMax = threadsMax
    }

    /// More threads than CPUs would take turns, and their latency would be that of the turns.
    package func fits(_ demand: JobDemand) -> Bool {
        labels.isSuperset(of: demand.labels) && demand.threads <= threadsMax ?? .max
    }
}

/// The rules of the queue of verifications, without I/O.
package enum JobQueue {
    /// The most jobs that wait at a time.
    package static let waitingMax = 10_000
    /// How often a job is begun: a crash may be the machine's fault once.
    package static let attemptsMax = 2

    /// A job that waits.
    package struct Waiting: Sendable, Hashable {
        package let id: VerificationID
        /// The job's place among all that were ever queued; older is smaller.
        package let sequence: Int64
        /// When a job of its repository was begun last, as a number that grows; nil if none was.
        package let lastTurn: Int64?
        package let demand: JobDemand

        package init(id: VerificationID, sequence: Int64, lastTurn: Int64?, demand: JobDemand) {
            self.id = id
            self.sequence = sequence
            self.lastTurn = lastTurn
            self.demand = demand
        }
    }

    /// The job that an evaluator gets: of the repository whose last start is longest ago, the oldest that fits.
    package static func next(of waiting: some Sequence<Waiting>, for offer: JobOffer) -> Waiting? {
        waiting.lazy.filter { offer.fits($0.demand) }
            .min { ($0.lastTurn ?? -1, $0.sequence) < ($1.lastTurn ?? -1, $1.sequence) }
    }

    /// Whether a job whose evaluator or worker died is begun again after so many attempts.
    package static func isTriedAgain(after attempts: Int) -> Bool { attempts < attemptsMax }

    /// What none of the evaluators offers that a waiting job needs, as people read it; empty if one fits.
    package static func missing(for demand: JobDemand, among offers: [JobOffer]) -> [String] {
        guard !offers.contains(where: { $0.fits(demand) }) else { return [] }
        let labelled = offers.filter { $0.labels.isSuperset(of: demand.labels) }
        guard labelled.isEmpty, !demand.labels.isEmpty else {
            return [demand.threads == 1 ? "1 CPU" : "\(demand.threads) CPUs"]
        }
        let unknown = demand.labels.filter { label in !offers.contains { $0.labels.contains(label) } }
        return (unknown.isEmpty ? demand.labels : unknown).map(\.description)
    }
}
