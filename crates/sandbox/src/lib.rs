//! Stand-ins for two national systems and a provincial one, over real sockets: the population database's SOAP service 037, business
//! registration and a one-stop system's dossiers over REST. All citizens, companies and dossiers are invented, from a seed. Not here:
//! anything of the platform itself; these are its counterparts.

mod business;
mod citizen;
mod company;
mod dossiers;
mod population;
mod seed;
mod server;

pub use business::BusinessCredentials;
pub use citizen::{Address, Citizen, PersonName};
pub use company::Company;
pub use dossiers::Dossiers;
pub use population::{NAMESPACE, PopulationCredentials, REPLY_NAMESPACE, lookup_request};

use lgsp_kernel::Clock;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The most citizens, and the most companies, that a sandbox invents: their numbers have six digits that tell them apart.
pub const POPULATION_MAX: usize = 1_000_000;

/// What to stand in for, where, and whom to let in.
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// Equal seeds invent equal citizens and companies.
    pub seed: u64,
    /// Where the population database listens; port 0 takes a free one.
    pub population_addr: SocketAddr,
    /// Where business registration listens; port 0 takes a free one.
    pub business_addr: SocketAddr,
    /// How many citizens to invent, at most [`POPULATION_MAX`].
    pub citizens: usize,
    /// How many companies to invent, at most [`POPULATION_MAX`].
    pub companies: usize,
    /// Who may ask the population database.
    pub population: PopulationCredentials,
    /// Who may ask business registration.
    pub business: BusinessCredentials,
    /// Against which timestamps and tokens are checked.
    pub clock: Clock,
}

/// How many requests have really arrived, accepted or not: what a test compares with what it sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// Service 037, `TraCuuThongTinCongDan`.
    pub lookups: u64,
    /// `POST /token`.
    pub tokens: u64,
    /// `chiTietDoanhNghiep`.
    pub details: u64,
    /// `danhSachHoSo`.
    pub lists: u64,
    /// `capNhatDoanhNghiep`.
    pub updates: u64,
    /// Of all these, those refused for their credentials.
    pub refused: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    lookups: AtomicU64,
    tokens: AtomicU64,
    details: AtomicU64,
    lists: AtomicU64,
    updates: AtomicU64,
    refused: AtomicU64,
}

pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::SeqCst);
}

/// Both systems, running. Dropped without [`Sandbox::stop`], they stop at once.
pub struct Sandbox {
    /// Where the population database listens.
    pub population_addr: SocketAddr,
    /// Where business registration listens.
    pub business_addr: SocketAddr,
    population: Arc<population::Population>,
    business: Arc<business::Business>,
    counters: Arc<Counters>,
    servers: [server::Server; 2],
}

impl Sandbox {
    /// Invents the citizens and companies and starts to listen. Fails where an address cannot be taken.
    pub async fn start(config: SandboxConfig) -> std::io::Result<Self> {
        if config.citizens > POPULATION_MAX || config.companies > POPULATION_MAX {
            let text = format!("a sandbox invents at most {POPULATION_MAX} citizens and companies");
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, text));
        }
        let counters = Arc::new(Counters::default());
        let citizens = citizen::invent(config.seed, config.citizens);
        let population =
            population::Population::new(citizens, config.population, config.clock.clone(), &counters);
        let companies = company::invent(config.seed, config.companies);
        let business = business::Business::new(companies, config.business, config.clock, &counters);
        let (population, business) = (Arc::new(population), Arc::new(business));
        let (p, b) = (population.clone(), business.clone());
        let soap = server::Server::start(config.population_addr, move |r| {
            let p = p.clone();
            async move { p.answer(r).await }
        });
        let rest = server::Server::start(config.business_addr, move |r| {
            let b = b.clone();
            async move { b.answer(r).await }
        });
        let servers = [soap.await?, rest.await?];
        let (population_addr, business_addr) = (servers[0].addr, servers[1].addr);
        Ok(Self { population_addr, business_addr, population, business, counters, servers })
    }

    /// The citizen with this number; numbers wrap around, so that any is good. Panics where none were invented.
    pub fn citizen(&self, i: usize) -> &Citizen {
        let citizens = self.population.citizens();
        &citizens[i % citizens.len()]
    }

    /// The company with this number, as it was invented; numbers wrap around. Panics where none were invented.
    pub fn company(&self, i: usize) -> &Company {
        let companies = self.business.companies();
        &companies[i % companies.len()]
    }

    /// A company's name now, after updates; none for a code that is not registered.
    pub fn company_name(&self, tax_code: &str) -> Option<String> {
        self.business.name_now(tax_code)
    }

    /// The requests that have arrived so far.
    pub fn seen(&self) -> Seen {
        let read = |c: &AtomicU64| c.load(Ordering::SeqCst);
        let c = &self.counters;
        Seen {
            lookups: read(&c.lookups),
            tokens: read(&c.tokens),
            details: read(&c.details),
            lists: read(&c.lists),
            updates: read(&c.updates),
            refused: read(&c.refused),
        }
    }

    /// Stops listening, lets requests under way finish for a short while, then closes.
    pub async fn stop(self) {
        for server in self.servers {
            server.stop().await;
        }
    }
}
