import AssayDomain
import Testing

private func label(_ text: String) throws -> WorkerLabel { try WorkerLabel(parsing: text) }

private func code(of body: () throws -> Void) -> ErrorCode? {
    do {
        try body()
        return nil
    } catch {
        return (error as? AssayError)?.code
    }
}

struct JobQueueTests {
    private func waiting(
        _ sequence: Int64, turn: Int64?, threads: Int = 1, labels: [String] = []
    ) throws -> JobQueue.Waiting {
        JobQueue.Waiting(
            id: VerificationID(bits: UInt64(sequence)), sequence: sequence, lastTurn: turn,
            demand: JobDemand(threads: threads, labels: try labels.map(label)))
    }

    private let anyone = JobOffer(labels: [], threadsMax: nil)

    @Test func `a repository that had no turn comes first, then the one whose turn is longest ago`() throws {
        let jobs = try [waiting(1, turn: 9), waiting(2, turn: 4), waiting(3, turn: nil), waiting(4, turn: nil)]
        #expect(JobQueue.next(of: jobs, for: anyone)?.sequence == 3)
        #expect(JobQueue.next(of: jobs.prefix(2), for: anyone)?.sequence == 2)
        #expect(JobQueue.next(of: [], for: anyone) == nil)
    }

    @Test func `one repository with many jobs does not hold up another with one`() throws {
        var queue = try (Int64(1)...6).map { (repository: $0 == 6 ? "b" : "a", job: try waiting($0, turn: nil)) }
        var turns: [String: Int64] = [:]
        var order: [Int64] = []
        while !queue.isEmpty {
            let jobs = queue.map { entry in
                JobQueue.Waiting(
                    id: entry.job.id, sequence: entry.job.sequence, lastTurn: turns[entry.repository],
                    demand: entry.job.demand)
            }
            let next = try #require(JobQueue.next(of: jobs, for: anyone))
            let position = try #require(queue.firstIndex { $0.job.sequence == next.sequence })
            turns[queue.remove(at: position).repository] = Int64(order.count)
            order.append(next.sequence)
        }
        #expect(order == [1, 6, 2, 3, 4, 5])
    }

    @Test(arguments: [
        (["site=edge"], Int?.none, 1, ["site=edge"], true), (["site=edge"], nil, 256, [], true),
        ([], nil, 1, ["site=edge"], false), (["site=core"], nil, 1, ["site=edge"], false),
        (["cpu=avx", "cpu=avx2"], 2, 2, ["cpu=avx"], true), (["cpu=avx"], 2, 3, [], false),
    ])
    func `an offer fits if it has every label and a CPU for each thread`(
        offered: [String], threadsMax: Int?, threads: Int, demanded: [String], fits: Bool
    ) throws {
        let offer = JobOffer(labels: try offered.map(label), threadsMax: threadsMax)
        #expect(offer.fits(JobDemand(threads: threads, labels: try demanded.map(label))) == fits)
        let job = try waiting(1, turn: nil, threads: threads, labels: demanded)
        #expect((JobQueue.next(of: [job], for: offer) != nil) == fits)
    }

    @Test func `a job is begun twice at most`() {
        #expect(JobQueue.isTriedAgain(after: 1))
        #expect(!JobQueue.isTriedAgain(after: 2))
    }

    @Test func `what is missing is what nobody offers`() throws {
        let offers = [
            JobOffer(labels: try [label("cpu=avx2")], threadsMax: 1),
            JobOffer(labels: try [label("site=edge")], threadsMax: 2),
        ]
        func missing(_ threads: Int, _ labels: String...) throws -> [String] {
            JobQueue.missing(for: JobDemand(threads: threads, labels: try labels.map(label)), among: offers)
        }
        #expect(try missing(1).isEmpty)
        #expect(try missing(2, "site=edge").isEmpty)
        #expect(try missing(2, "cpu=avx2") == ["2 CPUs"])
        #expect(try missing(1, "cpu=avx512", "site=edge") == ["cpu=avx512"])
        #expect(try missing(1, "cpu=avx2", "site=edge") == ["cpu=avx2", "site=edge"])
        #expect(JobQueue.missing(for: JobDemand(threads: 1, labels: []), among: []) == ["1 CPU"])
    }
}

struct WorkerLabelTests {
    @Test(arguments: [
        "site=edge", "cpu=avx512_vnni", "a.b-c=V1.0", "arch=x86_64", "k=" + String(repeating: "v", count: 63),
    ])
    func `a label is read and written`(text: String) throws {
        #expect(try label(text).description == text)
        #expect(try JSON.decode([WorkerLabel].self, from: try JSON.encode([label(text)])) == [label(text)])
    }

    @Test(arguments: [
        "", "site", "=edge", "site=", "site=a=b", "Site=edge", "site=a b", "site=a\n", "site=\u{7}", "site=\u{202e}x",
        "sité=edge", "k=" + String(repeating: "v", count: 64), String(repeating: "k", count: 64) + "=v",
    ])
    func `anything else is no label`(text: String) {
        #expect(code { _ = try label(text) } == .labelInvalid)
    }

    @Test func `labels are kept once and in order, and there is a limit`() throws {
        #expect(
            try WorkerLabel.normalised([label("b=1"), label("a=1"), label("b=1")]).map(\.description) == ["a=1", "b=1"])
        let many = try (0...WorkerLabel.countMax).map { try label("k=\($0)") }
        #expect(code { _ = try WorkerLabel.normalised(many) } == .tooManyEntries)
        #expect(code { _ = try Worker(name: .local, labels: many) } == .tooManyEntries)
        #expect(code { try VerificationSettings(labels: many).check() } == .tooManyEntries)
    }

    @Test func `a machine has its architecture and its instruction sets`() {
        let labels = WorkerLabel.ofMachine(architecture: "x86_64", flags: ["fpu", "avx2", "avx512f", "avx512_vnni"])
        #expect(
            labels.map(\.description) == ["arch=x86_64", "cpu=avx2", "cpu=avx512", "cpu=avx512_vnni", "cpu=avx512f"])
        #expect(WorkerLabel.ofMachine(architecture: "", flags: ["avx"]).map(\.description) == ["cpu=avx"])
    }

    @Test(arguments: ["", "a b", "a/b", "a\u{0}", String(repeating: "a", count: 64)])
    func `a worker's name is one word`(text: String) {
        #expect(code { _ = try WorkerName(parsing: text) } == .nameInvalid)
    }
}

struct CPUSetTests {
    @Test(arguments: [
        ("0", [0], "0"), ("0-2,4", [0, 1, 2, 4], "0-2,4"), ("3,1,2", [1, 2, 3], "1-3"), ("1023", [1023], "1023"),
        ("1,1", [1], "1"),
    ])
    func `a list of CPUs is read and written`(text: String, numbers: [Int], written: String) throws {
        let set = try CPUSet(parsing: text)
        #expect((set.numbers, set.description) == (numbers, written))
    }

    @Test(arguments: ["", ",", "0,", "-1", "1-", "2-1", "1024", "0-9999999999", "a", "0 1", "1-2-3", "+1", "٣"])
    func `anything else is none`(text: String) {
        #expect(code { _ = try CPUSet(parsing: text) } == .configurationInvalid)
    }

    @Test func `evaluators have a set each, and no CPU is in two`() throws {
        let (first, second) = (try CPUSet(parsing: "0-1"), try CPUSet(parsing: "2"))
        #expect(try EvaluatorSettings.places(count: nil, sets: []) == [nil])
        #expect(try EvaluatorSettings.places(count: 0, sets: []).isEmpty)
        #expect(try EvaluatorSettings.places(count: nil, sets: [first, second]) == [first, second])
        #expect(try EvaluatorSettings.places(count: 1, sets: [first]) == [first])
        for (count, sets) in [(2, []), (1, [first, second]), (0, [first]), (3, [first]), (-1, []), (257, [])] {
            #expect(code { _ = try EvaluatorSettings.places(count: count, sets: sets) } == .configurationInvalid)
        }
        let overlap = [first, try CPUSet(parsing: "1-3")]
        #expect(code { _ = try EvaluatorSettings.places(count: nil, sets: overlap) } == .configurationInvalid)
    }

    @Test(
        arguments: [
            (["0-1", "2-3"], true), (["0", "2"], true), (["0-1"], true), (["0,2", "4"], true), (["0", "1"], false),
            (["0,2", "3"], false), (["2", "0,3"], false),
        ] as [([String], Bool)])
    func `no physical core is in two sets`(sets: [String], isAccepted: Bool) throws {
        let places = try sets.map { try CPUSet(parsing: $0) }
        let cores = try ["0-1", "2-3", "4"].map { try CPUSet(parsing: $0) }
        let found = code { try EvaluatorSettings.requireCoresOfTheirOwn(places, cores: cores) }
        #expect(found == (isAccepted ? nil : .configurationInvalid))
    }
}
