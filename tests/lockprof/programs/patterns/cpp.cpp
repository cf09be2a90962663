/* SPDX-License-Identifier: Apache-2.0 */
/* Locks of the standard C++ library: the profiler sees the pthread calls inside their functions. */
#include "patterns.h"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <shared_mutex>

namespace
{

std::mutex log_mutex; /* decl: cpp_static */
unsigned long lines;

class Queue
{
  public:
    void push(int value)
    {
        std::lock_guard<std::mutex> guard(queue_mutex_); /* call: cpp_guard */
        last_ = value;
    }

  private:
    int last_ = 0;
    std::mutex queue_mutex_; /* decl: cpp_guard */
};

class Account
{
  public:
    __attribute__((noinline)) long add(long amount)
    {
        std::unique_lock<std::mutex> lock(balance_mutex_); /* call: cpp_unique */
        balance_ += amount;
        lock.unlock();
        lock.lock(); /* call: cpp_unique */
        return balance_;
    }

  private:
    long balance_ = 0;
    std::mutex balance_mutex_; /* decl: cpp_unique */
};

class Directory
{
  public:
    int find(int key)
    {
        std::shared_lock<std::shared_mutex> lock(entries_mutex_); /* call: cpp_shared */
        return entries_[key & 7];
    }
    void set(int key, int value)
    {
        std::unique_lock<std::shared_mutex> lock(entries_mutex_); /* call: cpp_shared */
        entries_[key & 7] = value;
    }

  private:
    int entries_[8] = {};
    std::shared_mutex entries_mutex_; /* decl: cpp_shared */
};

class Tree
{
  public:
    unsigned walk(unsigned depth)
    {
        std::lock_guard<std::recursive_mutex> guard(tree_mutex_); /* call: cpp_recursive */
        return depth == 0 ? 1 : 1 + walk(depth - 1);
    }

  private:
    std::recursive_mutex tree_mutex_; /* decl: cpp_recursive */
};

class Gate
{
  public:
    unsigned wait()
    {
        std::unique_lock<std::mutex> lock(gate_mutex_); /* call: cpp_condition */
        unsigned acquires = 1;
        while (!open_) {
            opened_.wait(lock); /* call: cpp_condition */
            acquires++;
        }
        return acquires;
    }
    void open()
    {
        std::lock_guard<std::mutex> guard(gate_mutex_); /* call: cpp_condition */
        open_ = true;
        opened_.notify_all();
    }

  private:
    bool open_ = false;
    std::mutex gate_mutex_; /* decl: cpp_condition */
    std::condition_variable opened_;
};

struct Channel {
    std::timed_mutex channel_mutex; /* decl: cpp_timed */
    unsigned long sent = 0;
};

class Registry
{
  public:
    static void count()
    {
        std::lock_guard<std::mutex> guard(instances_mutex_); /* call: cpp_class */
        instances_++;
    }

  private:
    static std::mutex instances_mutex_; /* decl: cpp_class */
    static unsigned long instances_;
};
std::mutex Registry::instances_mutex_; /* decl: cpp_class */
unsigned long Registry::instances_;

struct Base {
    virtual ~Base() = default;
    long id = 0;
};

struct Service : Base {
    pthread_mutex_t service_lock = PTHREAD_MUTEX_INITIALIZER; /* decl: cpp_pthread */
    void serve()
    {
        pthread_mutex_lock(&service_lock); /* call: cpp_pthread */
        id++;
        pthread_mutex_unlock(&service_lock);
    }
};

unsigned run_static()
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        std::lock_guard<std::mutex> guard(log_mutex); /* call: cpp_static */
        lines++;
    }
    return ROUNDS;
}

unsigned run_guard()
{
    auto queue = std::make_unique<Queue>();
    for (unsigned i = 0; i < ROUNDS; i++)
        queue->push((int)i);
    return ROUNDS;
}

unsigned run_unique()
{
    auto account = std::make_unique<Account>();
    for (unsigned i = 0; i < ROUNDS; i++)
        account->add(i);
    return 2 * ROUNDS;
}

unsigned run_shared()
{
    auto directory = std::make_unique<Directory>();
    for (unsigned i = 0; i < ROUNDS; i++)
        directory->set((int)i, directory->find((int)i + 1));
    return 2 * ROUNDS;
}

unsigned run_recursive()
{
    auto tree = std::make_unique<Tree>();
    return tree->walk(2);
}

void *open_gate(void *gate)
{
    static_cast<Gate *>(gate)->open();
    return nullptr;
}

unsigned run_condition()
{
    auto gate = std::make_unique<Gate>();
    pthread_t thread;
    if (pthread_create(&thread, nullptr, open_gate, gate.get()) != 0)
        return 0;
    unsigned acquires = gate->wait();
    pthread_join(thread, nullptr);
    return acquires + 1;
}

unsigned run_timed()
{
    auto channel = std::make_unique<Channel>();
    unsigned acquires = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (channel->channel_mutex.try_lock_for(std::chrono::seconds(60))) { /* call: cpp_timed */
            acquires++;
            channel->sent++;
            channel->channel_mutex.unlock();
        }
    }
    return acquires;
}

unsigned run_class()
{
    for (unsigned i = 0; i < ROUNDS; i++)
        Registry::count();
    return ROUNDS;
}

unsigned run_pthread()
{
    auto service = std::make_unique<Service>();
    for (unsigned i = 0; i < ROUNDS; i++)
        service->serve();
    return ROUNDS;
}

} // namespace

extern "C" const struct pattern cpp_patterns[] = {
    {"cpp_static", run_static}, {"cpp_guard", run_guard},         {"cpp_unique", run_unique},
    {"cpp_shared", run_shared}, {"cpp_recursive", run_recursive}, {"cpp_condition", run_condition},
    {"cpp_timed", run_timed},   {"cpp_class", run_class},         {"cpp_pthread", run_pthread},
    {nullptr, nullptr},
};
